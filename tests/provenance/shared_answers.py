"""Our answer on every file of the shared C2PA material, and why it differs from other validators' where it does.

Trusted here are the two sets of test roots, for signers, and the lists of time-stamping authorities; the time is fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_ANSWERS: Final = {
    "invalid, altered": {
        "c2pa-python": "CIE-sig-CA.jpg",
        "c2pa-rs": "CACAE-uri-CA.jpg CIE-sig-CA.jpg E-sig-CA.jpg XCA.jpg",
        "lab-attacks": (
            "append_after_eoi.jpg append_after_iend.png meta_added_after.png tamper_assertion.png "
            "tamper_claim.png tamper_pixel.jpg tamper_pixel.png tamper_signature.png tamper_training_optout.png "
            "transplant.png"
        ),
        "public-testfiles": (
            "adobe-20220124-CIE-sig-CA.jpg adobe-20220124-E-clm-CAICAI.jpg adobe-20220124-E-dat-CA.jpg "
            "adobe-20220124-E-sig-CA.jpg adobe-20220124-E-uri-CA.jpg adobe-20220124-E-uri-CIE-sig-CA.jpg "
            "adobe-20220124-XCA.jpg adobe-20220124-XCI.jpg truepic-20230212-camera.jpg"
        ),
    },
    "unknown_signer, inconclusive": {
        "c2pa-rs-cawg-identity": "adobe_connected_identities.jpg",
        "other": "legacy.mp4",
        "c2pa-rs": "ocsp_with_assertion.jpg",
        "c2pa-ts": "trustnxt-icon-signed-v2-bmff.heic",
    },
    "trusted, trusted_origin": {
        "c2pa-rs-cawg-identity": (
            "duplicate_assertion_reference.jpg extra_field.jpg invalid_content_type.jpg invalid_cose_sign1.jpg "
            "invalid_issuer_did.jpg invalid_time_stamp.jpg missing_cose_sign_alg.jpg no_hard_binding.jpg "
            "pad2_invalid.jpg signer_payload_mismatch.jpg unresolvable_did.jpg valid_from_after_time_stamp.jpg "
            "valid_from_missing.jpg valid_until_in_future.jpg"
        ),
        "other": "video1.mp4",
        "c2pa-rs": (
            "CA.jpg CACA.jpg CA_ct.jpg C_with_CAWG_data.jpg boxhash.jpg legacy_ingredient_hash.jpg update_manifest.jpg"
        ),
        "c2pa-ts": "trustnxt-icon-signed-timestamp.jpg",
        "public-testfiles": (
            "adobe-20220124-C.jpg adobe-20220124-CA.jpg adobe-20220124-CACA.jpg adobe-20220124-CACAICAICICA.jpg "
            "adobe-20220124-CAI.jpg adobe-20220124-CAIAIIICAICIICAIICICA.jpg adobe-20220124-CAICA.jpg "
            "adobe-20220124-CAICAI.jpg adobe-20220124-CI.jpg adobe-20220124-CICA.jpg adobe-20220124-CICACACA.jpg "
            "adobe-20220124-CII.jpg"
        ),
    },
    "invalid, inconclusive": {
        "c2pa-rs-cawg-identity": "malformed_cbor.jpg",
        "c2pa-rs": "no_alg.jpg prerelease.jpg",
        "encypher-conformance": (
            "corrupt_box_type.jpg expired_signer.jpg tampered_signature.jpg truncated_jumbf.jpg "
            "valid_jpeg_es256.jpg valid_png_es256.png wrong_eku_signer.jpg"
        ),
        "public-testfiles": "nikon-20221019-building.jpeg",
    },
    "asset.unsupported": {
        "other": "basic-signed.pdf",
        "c2pa-rs": "sample1.jxl sample1.svg sample2.svg sample3.svg sample4.svg sample5.svg",
    },
    "absent, inconclusive": {
        "other": "id3v23_compression_underflow.mp3 riff_bomb_1000.wav",
        "c2pa-rs": (
            "MultiPage.tif TUSCANY.TIF cloud.jpg cloudx.jpg earth_apollo17.jpg libpng-test.png "
            "libpng-test_with_url.png mars.webp no_manifest.jpg sample1.avif sample1.gif sample1.heif sample1.png "
            "sample1.webp test.tiff test.webp test_lossless.webp test_xmp.webp"
        ),
        "c2pa-ts": "trustnxt-icon.heic trustnxt-icon.jpg trustnxt-icon.png",
        "lab-attacks": "remote_ssrf_loopback.png sidecar.png strip_chunk.png strip_reencode.jpg unsigned.png",
        "public-testfiles": "adobe-20220124-A.jpg adobe-20220124-I.jpg",
    },
    "examiner.failed": {
        "other": "nested_moov_1000.mp4",
        "c2pa-rs": "tiff_poc.tiff",
        "lab-attacks": "truncated.png",
    },
    "trusted, declared_synthetic, full": {
        "c2pa-rs": "C.jpg",
        "lab-attacks": (
            "edit_chain.jpg timestamped.png update_manifest.jpg valid_ed25519.jpg valid_es256.jpg valid_es256.png "
            "valid_es256.webp valid_ps256.jpg"
        ),
    },
    "unknown_signer, declared_synthetic, partial": {
        "c2pa-rs": "ocsp.jpg",
    },
    "unknown_signer, declared_synthetic, full": {
        "c2pa-ts": "amazon-titan-g1.png",
        "encypher-cawg-generated": (
            "x509-eddsa-jpeg.jpg x509-es256-bestpractice-jpeg.jpg x509-es256-composed-jpeg.jpg "
            "x509-es256-jpeg.jpg x509-es256-pad1-jpeg.jpg x509-es256-png.png x509-es256-smime-jpeg.jpg "
            "x509-es256-wrong-eku-jpeg.jpg x509-ps256-jpeg.jpg"
        ),
        "lab-attacks": "selfsigned_adobe.jpg",
    },
}
ANSWERS: Final[Mapping[str, str]] = {
    f"{folder}/{name}": answer
    for answer, files in _ANSWERS.items()
    for folder, names in files.items()
    for name in names.split()
}
"""By file: state of the manifest, conclusion, and how much is declared synthetic; or the code of an error."""

_IDENTITY: Final = "an identity assertion that fails, or cannot be resolved offline, is shown and leaves the claim's own state"
_INGREDIENT: Final = "an ingredient was altered before it was taken in: the claim says so, and nobody propagates it but us"
_REFUSED: Final = "a manifest is there and cannot be parsed: invalid, not absent and not an error"
_UNREADABLE: Final = "the file's own structure is broken, so nothing is known of a manifest"
_UNSUPPORTED: Final = "a format we do not take, whatever it holds"
_USAGE: Final = "refused there under an older trust configuration; intact and unknown under ours"
_ANCESTOR: Final = "a stranger signed an ingredient, which says nothing of this asset's own signer"


def _all(names: str, reason: str) -> dict[str, str]:
    return dict.fromkeys(names.split(), reason)


DIFFERENT_FROM_SDK: Final[Mapping[str, str]] = {
    **_all(
        "c2pa-rs-cawg-identity/adobe_connected_identities.jpg "
        "c2pa-rs-cawg-identity/duplicate_assertion_reference.jpg c2pa-rs-cawg-identity/extra_field.jpg "
        "c2pa-rs-cawg-identity/invalid_content_type.jpg c2pa-rs-cawg-identity/invalid_cose_sign1.jpg "
        "c2pa-rs-cawg-identity/invalid_issuer_did.jpg c2pa-rs-cawg-identity/invalid_time_stamp.jpg "
        "c2pa-rs-cawg-identity/missing_cose_sign_alg.jpg c2pa-rs-cawg-identity/no_hard_binding.jpg "
        "c2pa-rs-cawg-identity/pad2_invalid.jpg c2pa-rs-cawg-identity/signer_payload_mismatch.jpg "
        "c2pa-rs-cawg-identity/unresolvable_did.jpg c2pa-rs-cawg-identity/valid_from_after_time_stamp.jpg "
        "c2pa-rs-cawg-identity/valid_from_missing.jpg c2pa-rs/C_with_CAWG_data.jpg",
        _IDENTITY,
    ),
    **_all(
        "c2pa-rs-cawg-identity/malformed_cbor.jpg c2pa-rs/no_alg.jpg c2pa-rs/prerelease.jpg "
        "encypher-conformance/corrupt_box_type.jpg encypher-conformance/expired_signer.jpg "
        "encypher-conformance/tampered_signature.jpg encypher-conformance/truncated_jumbf.jpg "
        "encypher-conformance/wrong_eku_signer.jpg",
        _REFUSED,
    ),
    **_all(
        "other/basic-signed.pdf c2pa-rs/sample1.jxl c2pa-rs/sample1.svg c2pa-rs/sample2.svg c2pa-rs/sample3.svg "
        "c2pa-rs/sample4.svg c2pa-rs/sample5.svg",
        _UNSUPPORTED,
    ),
    **_all(
        "other/nested_moov_1000.mp4 c2pa-rs/tiff_poc.tiff lab-attacks/truncated.png",
        _UNREADABLE,
    ),
    **_all(
        "other/video1.mp4",
        _ANCESTOR,
    ),
    **_all(
        "c2pa-rs/CACAE-uri-CA.jpg c2pa-rs/CIE-sig-CA.jpg public-testfiles/adobe-20220124-CIE-sig-CA.jpg",
        _INGREDIENT,
    ),
    **_all(
        "encypher-cawg-generated/x509-eddsa-jpeg.jpg encypher-cawg-generated/x509-es256-bestpractice-jpeg.jpg "
        "encypher-cawg-generated/x509-es256-composed-jpeg.jpg encypher-cawg-generated/x509-es256-jpeg.jpg "
        "encypher-cawg-generated/x509-es256-pad1-jpeg.jpg encypher-cawg-generated/x509-es256-png.png "
        "encypher-cawg-generated/x509-es256-smime-jpeg.jpg encypher-cawg-generated/x509-es256-wrong-eku-jpeg.jpg "
        "encypher-cawg-generated/x509-ps256-jpeg.jpg",
        _USAGE,
    ),
}
"""Files whose state is another than c2pa-python 0.38.1 says, with the reason."""

_OWN_HASH: Final = "the asset itself was altered, which the SDK and we see"
_V1: Final = "it reads claims or time-stamps of this kind differently from the SDK; signature and hashes hold there and here"
INTACT_ELSEWHERE: Final[Mapping[str, str]] = {
    "c2pa-python/CIE-sig-CA.jpg": _INGREDIENT,
    "c2pa-rs/CACAE-uri-CA.jpg": _INGREDIENT,
    "c2pa-rs/CIE-sig-CA.jpg": _INGREDIENT,
    "public-testfiles/adobe-20220124-CIE-sig-CA.jpg": _INGREDIENT,
    "public-testfiles/adobe-20220124-E-uri-CIE-sig-CA.jpg": _INGREDIENT,
    "c2pa-rs-cawg-identity/malformed_cbor.jpg": _REFUSED,
    "public-testfiles/nikon-20221019-building.jpeg": "expired, and nobody stamped the time; intact means something else there",
    "public-testfiles/truepic-20230212-camera.jpg": _OWN_HASH,
}
"""Files that encypher-c2pa 1.7.1 or c2pa-ts 0.9.4 calls valid and we do not, with the reason."""
BROKEN_ELSEWHERE: Final[Mapping[str, str]] = {
    "other/legacy.mp4": "encypher does not read this hash of an older film",
    "c2pa-rs/update_manifest.jpg": "update manifests without a hash of their own are refused by both",
    "lab-attacks/update_manifest.jpg": "update manifests without a hash of their own are refused by c2pa-ts",
    "lab-attacks/selfsigned_adobe.jpg": "c2pa-ts counts a self-signed certificate as a failure; to us it is a stranger's",
    **_all(
        "c2pa-rs/CACA.jpg c2pa-rs/CA_ct.jpg c2pa-rs/C_with_CAWG_data.jpg c2pa-rs/boxhash.jpg c2pa-rs/ocsp.jpg "
        "c2pa-rs/ocsp_with_assertion.jpg c2pa-ts/trustnxt-icon-signed-timestamp.jpg lab-attacks/timestamped.png "
        "c2pa-rs-cawg-identity/adobe_connected_identities.jpg "
        "public-testfiles/adobe-20220124-CAIAIIICAICIICAIICICA.jpg",
        _V1,
    ),
    **dict.fromkeys((name for name in ANSWERS if name.startswith("encypher-cawg-generated/")), _USAGE),
}
"""Files that one of the two refuses and whose signature and hashes hold by the SDK and us, with the reason."""
