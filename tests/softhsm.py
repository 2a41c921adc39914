"""A real PKCS #11 token, kept by SoftHSM in a folder of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from provenance.keys import Algorithm, tokens
from tests.assets.chains import Chain

PIN = "2718-28"
_MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so", "/usr/lib64/libsofthsm2.so")


def softhsm_module() -> Path:
    """The library; a test that asks for it is skipped where SoftHSM or python-pkcs11 is missing."""
    pytest.importorskip("pkcs11", reason="needs python-pkcs11: pip install 'assay[pkcs11]'")
    if shutil.which("softhsm2-util") is None:
        pytest.skip("needs SoftHSM: apt-get install softhsm2")
    found = next((Path(name) for name in _MODULES if Path(name).is_file()), None)
    if found is None:
        pytest.skip("softhsm2-util is here, its PKCS #11 library is not where Debian puts it")
    return found


@dataclass(frozen=True, slots=True)
class Token:
    """One token; keys and certificates are put on it under a label."""

    label: str
    module: Path
    folder: Path

    def put(self, of: Chain, label: str, *, certificates: bool = True, number: int = 1) -> None:
        """Import the chain's key, and its certificates unless told otherwise, all with the id `number`."""
        import pkcs11
        from pkcs11 import Attribute, CertificateType, ObjectClass

        file = self.folder / f"{label}.p8"
        file.write_bytes(of.key_pem)
        identifier = f"{number:02x}"
        tool("--import", str(file), "--token", self.label, "--label", label, "--id", identifier, "--pin", PIN)
        file.unlink()
        if not certificates:
            return
        token = pkcs11.lib(str(self.module)).get_token(token_label=self.label)
        session = token.open(rw=True)  # public objects need no PIN, and logging out here would log everybody out
        for depth, certificate in enumerate(of.certificates):
            session.create_object(
                {
                    Attribute.CLASS: ObjectClass.CERTIFICATE,
                    Attribute.CERTIFICATE_TYPE: CertificateType.X_509,
                    Attribute.TOKEN: True,
                    Attribute.PRIVATE: False,
                    Attribute.LABEL: label if depth == 0 else f"{label} authority {depth}",
                    Attribute.ID: bytes([number]) if depth == 0 else b"",
                    Attribute.SUBJECT: certificate.subject.public_bytes(),
                    Attribute.VALUE: certificate.public_bytes(Encoding.DER),
                }
            )
        session.close()

    def uri(self, label: str, **query: str | Path) -> str:
        """The URI of the key called `label`; the PIN is written into it unless `pin_source` says where it is."""
        asked: Mapping[str, str | Path] = {
            "module_path": self.module,
            **({} if "pin_source" in query else {"pin_value": PIN}),
            **query,
        }
        options = "&".join(f"{name.replace('_', '-')}={quote(str(value), safe='/:')}" for name, value in asked.items())
        return f"pkcs11:token={self.label};object={quote(label)}?{options}"


def start_softhsm(folder: Path) -> Path:
    """Point SoftHSM at `folder`, before its library is loaded; returns the library."""
    module = softhsm_module()
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(
        f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\nlog.level = ERROR\nslots.removable = true\n"
    )
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    return module


def new_token(folder: Path, module: Path, label: str) -> Token:
    """A token without anything on it."""
    tool("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "5678")
    log_out(module)  # SoftHSM looks for tokens when it starts
    return Token(label, module, folder)


def log_out(module: Path) -> None:
    """Start the library anew: every session is gone, and nobody is logged in."""
    import pkcs11

    pkcs11.lib(str(module)).reinitialize()
    tokens._sessions.clear()


def tool(*arguments: str) -> None:
    done = subprocess.run(["softhsm2-util", *arguments], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def supports(algorithm: Algorithm, token: Token) -> str | None:
    """Why this build of SoftHSM cannot sign with `algorithm`, or None."""
    import pkcs11
    from pkcs11 import Mechanism

    needed = {
        Algorithm.ES256: Mechanism.ECDSA,
        Algorithm.ES384: Mechanism.ECDSA,
        Algorithm.ED25519: Mechanism.EDDSA,
        Algorithm.PS256: Mechanism.SHA256_RSA_PKCS_PSS,
    }[algorithm]
    slot = pkcs11.lib(str(token.module)).get_token(token_label=token.label).slot
    return None if needed in slot.get_mechanisms() else f"this build of SoftHSM has no {needed.name}"
