"""A federation's own authority and the certificate of its coordinator (X.509, RFC 5280).

The sandbox's side dials 127.0.0.1, where its forwarder listens, so that is one of the server's
names. Nobody else's authority is asked, and this one signs nothing else.
"""

from __future__ import annotations

import datetime
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAYS = 825


def make(folder: Path, host: str) -> None:
    """Writes both into the folder."""
    now = datetime.datetime.now(datetime.UTC)
    key, server = ec.generate_private_key(ec.SECP384R1()), ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Skerry federation authority")])
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    authority = (
        _bare(subject, subject, now)
        .public_key(key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, SHA256())
    )
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    issued = (
        _bare(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])]), subject, now)
        .public_key(server.public_key())
        .add_extension(x509.SubjectAlternativeName([*names, *_alternative(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
            critical=False,
        )
        .sign(key, SHA256())
    )
    for name, certificate, secret in (("authority", authority, key), ("server", issued, server)):
        (folder / f"{name}.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
        place = folder / f"{name}.key"
        place.touch(mode=0o600)
        pem = secret.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        place.write_bytes(pem)


def _bare(subject: x509.Name, issuer: x509.Name, now: datetime.datetime) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
    )


def _alternative(host: str) -> list[x509.GeneralName]:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return [] if host == "localhost" else [x509.DNSName(host)]
    return [] if address == ipaddress.ip_address("127.0.0.1") else [x509.IPAddress(address)]
