"""Throw-away authorities that answer for a chain: one that stamps times, one that says what became of a certificate.

They answer in memory, at any time they are told, and can get one thing wrong when told to. `serving` puts one behind a real
HTTP server on loopback.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.assets.chains import NOW, Authority, Chain, chain

_GRANTED = 0
_POLICY = "1.3.6.1.4.1.99999.1"


@dataclass(frozen=True)
class TimestampingAuthority:
    """An RFC 3161 authority under its own root. The `wrong_` fields and `status` make it lie, one lie at a time."""

    chain: Chain
    at: datetime | None = None
    """The time it stamps; None: the clock's."""
    status: int = _GRANTED
    wrong_imprint: bool = False
    wrong_nonce: bool = False
    without_nonce: bool = False
    without_certificates: bool = False
    requests: list[bytes] = field(default_factory=list, compare=False)
    """Every query it was sent."""

    @property
    def root_pem(self) -> bytes:
        return self.chain.root_pem

    def at_time(self, at: datetime) -> TimestampingAuthority:
        """The same authority with its clock stopped."""
        return replace(self, at=at)

    def answer(self, query: bytes) -> bytes:
        """A TimeStampResp for a TimeStampReq, both DER."""
        self.requests.append(query)
        asked = tsp.TimeStampReq.load(query)
        if self.status != _GRANTED:
            return b"\x30\x05\x30\x03\x02\x01" + bytes([self.status])  # TimeStampResp { PKIStatusInfo { status } }
        nonce = asked["nonce"].native
        imprint = asked["message_imprint"]
        if self.wrong_imprint:
            digest = hashlib.sha256(b"something else").digest()
            imprint = tsp.MessageImprint({"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": digest})
        if self.wrong_nonce:
            nonce = (nonce or 0) + 1
        token = self._token(imprint, None if self.without_nonce else nonce)
        return bytes(tsp.TimeStampResp({"status": {"status": _GRANTED}, "time_stamp_token": token}).dump())

    def token(self, message: bytes) -> bytes:
        """A TimeStampToken over SHA-256 of `message`, without a nonce, DER."""
        imprint = {"hash_algorithm": {"algorithm": "sha256"}, "hashed_message": hashlib.sha256(message).digest()}
        return bytes(self._token(tsp.MessageImprint(imprint), None).dump())

    def _token(self, imprint: tsp.MessageImprint, nonce: int | None) -> cms.ContentInfo:
        info = tsp.TSTInfo(
            {
                "version": "v1",
                "policy": _POLICY,
                "message_imprint": imprint,
                "serial_number": x509.random_serial_number(),
                "gen_time": (self.at or datetime.now(UTC)).replace(microsecond=0),
                **({"nonce": nonce} if nonce is not None else {}),
            }
        )
        leaf = asn1_x509.Certificate.load(self.chain.leaf.public_bytes(serialization.Encoding.DER))
        content = info.dump()
        signing_certificate = tsp.SigningCertificateV2(
            {"certs": [tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(leaf.dump()).digest()})]}
        )
        attributes = cms.CMSAttributes(
            [
                cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]}),
                cms.CMSAttribute({"type": "message_digest", "values": [hashlib.sha256(content).digest()]}),
                cms.CMSAttribute({"type": "signing_certificate_v2", "values": [signing_certificate]}),
            ]
        )
        signature = self.chain.key.sign(attributes.untag().dump(force=True), ec.ECDSA(hashes.SHA256()))
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier(
                    {"issuer_and_serial_number": {"issuer": leaf.issuer, "serial_number": leaf.serial_number}}
                ),
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                "signed_attrs": attributes,
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
                "signature": signature,
            }
        )
        chain = [asn1_x509.Certificate.load(c.public_bytes(serialization.Encoding.DER)) for c in self.chain.certificates]
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": [algos.DigestAlgorithm({"algorithm": "sha256"})],
                "encap_content_info": {"content_type": "tst_info", "content": core.ParsableOctetString(content)},
                "signer_infos": [signer],
                **({} if self.without_certificates else {"certificates": chain}),
            }
        )
        return cms.ContentInfo({"content_type": "signed_data", "content": signed})


@cache
def timestamping_authority(
    *,
    start: datetime = NOW - timedelta(days=4000),
    end: datetime = NOW + timedelta(days=4000),
    usages: tuple[str, ...] = (ExtendedKeyUsageOID.TIME_STAMPING.dotted_string,),
    name: str = "Throw-away time-stamping authority",
) -> TimestampingAuthority:
    """An authority under a root of its own, valid long enough to stamp the past; the same one for the same arguments."""
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = Authority(_certificate(f"{name} root", None, root_key, root_key, start, end), root_key)
    leaf = _certificate(name, root, key, root_key, start, end, usages)
    return TimestampingAuthority(Chain(leaf, key, (root,)))


def ocsp_response(
    asked: Chain,
    *,
    revoked_at: datetime | None = None,
    reason: x509.ReasonFlags | None = x509.ReasonFlags.key_compromise,
    this_update: datetime = NOW - timedelta(minutes=5),
    next_update: datetime | None = NOW + timedelta(hours=12),
    unknown: bool = False,
    by_issuer: bool = False,
    responder: Chain | None = None,
) -> bytes:
    """What the issuer of `asked`'s leaf says of it, DER: good unless told otherwise.

    Args:
        asked: Chain of the certificate in question.
        revoked_at: Revoked since then.
        reason: Why; `x509.ReasonFlags.remove_from_crl` says it is in force again.
        this_update: When this was known.
        next_update: Until when it stands; in the past: expired.
        unknown: The responder knows nothing of the certificate.
        by_issuer: The issuer signs itself; otherwise a responder that it named for that (the SDK reads no others).
        responder: Who signs instead, such as a stranger.
    """
    issuer = asked.authorities[0]
    status = ocsp.OCSPCertStatus.REVOKED if revoked_at else ocsp.OCSPCertStatus.GOOD
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=asked.leaf,
        issuer=issuer.certificate,
        algorithm=hashes.SHA1(),  # the certificate id every responder uses
        cert_status=ocsp.OCSPCertStatus.UNKNOWN if unknown else status,
        this_update=this_update,
        next_update=next_update,
        revocation_time=revoked_at,
        revocation_reason=reason if revoked_at else None,
    )
    if by_issuer:
        certificate, key = issuer.certificate, issuer.key
    else:
        responder = responder or ocsp_responder(issuer)
        certificate, key = responder.leaf, responder.key
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, certificate).certificates([certificate])
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@cache
def ocsp_responder(issuer: Authority) -> Chain:
    """Whom `issuer` named to answer for it."""
    usages = (ExtendedKeyUsageOID.OCSP_SIGNING.dotted_string,)
    return chain(name="Throw-away responder", usages=usages, root=issuer, start=NOW - timedelta(days=30))


@contextmanager
def serving(
    answer: Callable[[bytes], bytes], *, media_type: str = "application/timestamp-reply", port: int = 0
) -> Iterator[str]:
    """The URL of a real server on loopback that answers every POST with `answer` of its body, and 500 where that raises."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                found, status = answer(body), 200
            except Exception:  # a broken authority is what is wanted here
                found, status = b"", 500
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(found)))
            self.end_headers()
            self.wfile.write(found)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *args: object) -> None:
            pass  # a client that gave up waiting

    with Server(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/"
        finally:
            server.shutdown()
            thread.join()


def _certificate(
    name: str,
    issuer: Authority | None,
    key: ec.EllipticCurvePrivateKey,
    signing_key: ec.EllipticCurvePrivateKey,
    start: datetime,
    end: datetime,
    usages: tuple[str, ...] = (),
) -> x509.Certificate:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Throw-away tests"),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=issuer is not None,
                content_commitment=False,
                key_encipherment=False,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=issuer is None,
                crl_sign=issuer is None,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
    )
    if usages:
        oids = [x509.ObjectIdentifier(usage) for usage in usages]
        builder = builder.add_extension(x509.ExtendedKeyUsage(oids), critical=True)
    return builder.sign(signing_key, hashes.SHA256())
