"use strict";
const at = (id) => document.getElementById(id);
const meanings = {
  trusted_origin: "Its manifest is intact and signed by a trusted signer, and does not declare it synthetic.",
  declared_synthetic: "It declares itself AI-generated, in whole or in part.",
  altered: "It was changed after it was signed.",
  recovered_synthetic: "Its stripped record was recovered, and declares it AI-generated.",
  likely_synthetic: "It is likely AI-generated.",
  inconclusive: "No finding decides. This does not mean that it is a photograph.",
};
const states = {
  trusted: "its manifest is intact and its signer trusted.",
  unknown_signer: "its manifest is intact, and nobody here vouches for its signer.",
  invalid: "it carries a manifest that does not hold.",
  absent: "no manifest is embedded.",
  recovered: "its manifest was stripped and found again.",
};
// What an image says may hold characters that steer how the rest of the page reads.
const printable = (text) => text.replace(/(?![ \n])[\p{C}\p{Z}]/gu, "\uFFFD");
function show(title, explanation, lines, report) {
  at("conclusion").textContent = printable(title);
  at("explanation").textContent = printable(explanation);
  at("findings").replaceChildren(...lines.map((text) => {
    const line = document.createElement("li");
    line.textContent = printable(text);
    return line;
  }));
  at("report").textContent = report ? printable(JSON.stringify(report, null, 2)) : "";
  at("whole").hidden = !report;
  at("answer").hidden = false;
}
function provenance(report) {
  const unseen = report.examiners.includes("c2pa") ? "the manifest could not be looked at." : "nobody looked for a manifest.";
  const tier = report.provenance.tier === "development" ? " Signed with a development credential: it proves nothing to others." : "";
  return `provenance: ${states[report.provenance.state] || unseen}${tier}`;
}
function findings(report) {
  const basis = report.verdict.basis.map((item) => `${item.layer}, ${item.weight}: ${item.statement}`);
  const told = report.evidence.filter((e) => ["unavailable", "failure"].includes(e.outcome) || e.code === "detector.abstained");
  const said = { unavailable: "could not run", failure: "failed", not_applicable: "abstained" };
  return [...basis, provenance(report), ...told.map((e) => `${e.examiner} ${said[e.outcome]}: ${e.code} ${e.explanation}`)];
}
function ask(path, options = {}) {
  const key = at("key").value.trim();
  return fetch(path, { ...options, headers: key ? { Authorization: `Bearer ${key}` } : {} });
}
async function outcome(response) {
  while (response.status === 202) {
    const job = await response.json();
    await new Promise((resolve) => setTimeout(resolve, 1000));
    response = await ask(job.links.self);
    if (!response.ok) return response;
    const now = await response.clone().json();
    if (now.state === "finished") return ask(now.links.report);
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
    const response = await outcome(await ask("/v1/checks", { method: "POST", body }));
    const answer = await response.json();
    if (response.status === 401) at("access").hidden = false;
    if (!response.ok) return show(answer.title, answer.detail, [], null);
    const conclusion = answer.verdict.conclusion;
    show(conclusion.replaceAll("_", " "), meanings[conclusion] || "", findings(answer), answer);
  } catch (error) {
    show("The service could not be reached", String(error), [], null);
  }
});
