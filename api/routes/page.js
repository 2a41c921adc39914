"use strict";
const at = (id) => document.getElementById(id);
const meanings = {
  trusted_origin: "Its manifest is intact and signed by a trusted signer, and does not declare it synthetic.",
  declared_synthetic: "It declares itself AI-generated, in whole or in part.",
  altered: "It was changed after it was signed.",
  recovered_synthetic: "Its stripped record was recovered, and declares it AI-generated.",
  likely_synthetic: "It is likely AI-generated.",
  inconclusive: "Nothing was found either way. This does not mean that it is a photograph.",
};
function show(title, explanation, basis, report) {
  at("conclusion").textContent = title;
  at("explanation").textContent = explanation;
  at("basis").replaceChildren(...basis.map((item) => {
    const line = document.createElement("li");
    line.textContent = `${item.layer}, ${item.weight}: ${item.statement}`;
    return line;
  }));
  at("report").textContent = report ? JSON.stringify(report, null, 2) : "";
  at("answer").hidden = false;
}
async function outcome(response) {
  while (response.status === 202) {
    const job = await response.json();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    response = await fetch(job.links.self);
    if (!response.ok) return response;
    const now = await response.clone().json();
    if (now.state === "finished") return fetch(now.links.report);
    if (now.state === "failed") return new Response(JSON.stringify(now.problem), { status: now.problem.status });
    response = new Response(JSON.stringify(now), { status: 202 });
  }
  return response;
}
at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new FormData();
  body.append("file", at("file").files[0]);
  show("Checking", "", [], null);
  try {
    const response = await outcome(await fetch("/v1/checks", { method: "POST", body }));
    const answer = await response.json();
    if (!response.ok) return show(answer.title, answer.detail, [], null);
    const conclusion = answer.verdict.conclusion;
    const tier = answer.provenance.tier === "development" ? " Signed with a development credential: it proves nothing to others." : "";
    show(conclusion.replaceAll("_", " "), (meanings[conclusion] || "") + tier, answer.verdict.basis, answer);
  } catch (error) {
    show("The service could not be reached", String(error), [], null);
  }
});
