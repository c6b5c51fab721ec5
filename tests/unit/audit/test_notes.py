"""Notes and checkpoints against the examples of C2SP's specifications and an independent reading of them."""

import base64
import hashlib
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from audit.checkpoints import TreeHead, TrustedKey, sign_checkpoint, verify_checkpoint
from audit.merkle import leaf_hash
from audit.notes import BadSignatureError, Note, NoteError, Signer, UnknownSignerError, Verifier

# c2sp.org/signed-note and c2sp.org/tlog-cosignature, the examples as they stand there
SALVATORE = (
    "Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n"
    "— quasimodo.example/salvatore "
    "NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n"
)
BEHIND_THE_SOFA = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "— example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
    "— witness.example.com/w1 "
    "jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
# pkg.go.dev/golang.org/x/mod/sumdb/note, the example of the package
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETER_SAYS = (
    "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)
ORIGIN = "change.example.net/audit"
HEAD = TreeHead(ORIGIN, 17, leaf_hash(b"any"))
NOW = 1_750_000_000


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer.make(ORIGIN)


def independent_verify(note: str, name: str, public_key: bytes) -> bool:
    """The specification in ten lines: no code of ours, but for the Ed25519 itself."""
    text, signatures = note.rsplit("\n\n", 1)
    wanted = hashlib.sha256(name.encode() + b"\x0a\x01" + public_key).digest()[:4]
    for line in signatures.splitlines():
        dash, who, encoded = line.split(" ")
        signed = base64.b64decode(encoded)
        if (dash, who, signed[:4]) == ("—", name, wanted):
            Ed25519PublicKey.from_public_bytes(public_key).verify(signed[4:], f"{text}\n".encode())
            return True
    return False


@pytest.mark.parametrize("text", [SALVATORE, BEHIND_THE_SOFA, PETER_SAYS])
def test_the_specifications_examples_are_read_and_written_as_they_are(text: str) -> None:
    assert str(Note.parse(text)) == text


def test_a_note_of_gos_package_verifies() -> None:
    verifier = Verifier.parse(PETER)
    assert str(verifier) == PETER
    ((who, _),) = Note.parse(PETER_SAYS).verified_by([verifier])
    assert who.name == "PeterNeumann"


def test_a_checkpoint_verifies_by_the_specification_alone(signer: Signer) -> None:
    note = sign_checkpoint(HEAD, [signer], unix_time=NOW)
    assert independent_verify(note, ORIGIN, signer.verifier.public_key)
    signed = verify_checkpoint(note, [TrustedKey(signer.verifier)])
    assert signed.head == HEAD
    assert signed.signed_at == datetime.fromtimestamp(NOW, UTC)
    assert signed.signers == (signer.verifier,)


def test_the_stated_time_is_a_cosignature_as_specified(signer: Signer) -> None:
    note = Note.parse(sign_checkpoint(HEAD, [signer], unix_time=NOW))
    public_key = signer.verifier.public_key
    timed = next(line for line in note.signatures if line.key_id != signer.verifier.key_id)
    assert timed.key_id == hashlib.sha256(ORIGIN.encode() + b"\x0a\x04" + public_key).digest()[:4]
    assert timed.signed[:8] == NOW.to_bytes(8, "big")
    message = f"cosignature/v1\ntime {NOW}\n{HEAD.text}".encode()
    Ed25519PublicKey.from_public_bytes(public_key).verify(timed.signed[8:], message)


def test_the_time_cannot_be_moved(signer: Signer) -> None:
    note = Note.parse(sign_checkpoint(HEAD, [signer], unix_time=NOW))
    plain, timed = note.signatures
    later = type(timed)(timed.name, timed.key_id, (NOW + 1).to_bytes(8, "big") + timed.signed[8:])
    with pytest.raises(BadSignatureError):
        verify_checkpoint(str(Note(note.text, (plain, later))), [TrustedKey(signer.verifier)])


def test_during_a_rotation_either_key_is_enough_and_a_retired_one_only_for_small_trees() -> None:
    old, new = Signer.make(ORIGIN), Signer.make(ORIGIN)
    note = sign_checkpoint(HEAD, [old, new], unix_time=NOW)
    for signer in (old, new):
        assert verify_checkpoint(note, [TrustedKey(signer.verifier)]).signers == (signer.verifier,)
    assert verify_checkpoint(note, [TrustedKey(old.verifier, until=17)]).head.size == 17
    with pytest.raises(UnknownSignerError, match=ORIGIN):
        verify_checkpoint(note, [TrustedKey(old.verifier, until=16)])


def test_a_stranger_under_our_name_is_no_signer(signer: Signer) -> None:
    note = sign_checkpoint(HEAD, [Signer.make(ORIGIN)], unix_time=NOW)
    with pytest.raises(UnknownSignerError):
        verify_checkpoint(note, [TrustedKey(signer.verifier)])


def test_our_key_signs_for_our_log_alone(signer: Signer) -> None:
    other = TreeHead("other.example.net/audit", 17, HEAD.root)
    with pytest.raises(NoteError, match="signed by keys of that name"):
        sign_checkpoint(other, [signer], unix_time=NOW)
    forged = str(Note(other.text, (signer.sign(other.text),)))
    with pytest.raises(UnknownSignerError):
        verify_checkpoint(forged, [TrustedKey(signer.verifier)])


@given(place=st.integers(0, 300), character=st.sampled_from("0aZ+/=\n —"))
def test_a_touched_checkpoint_is_refused_or_has_lost_a_line_that_was_too_much(place: int, character: str) -> None:
    signer = Signer(ORIGIN, bytes(32))
    note = sign_checkpoint(HEAD, [signer], unix_time=NOW)
    place %= len(note)
    touched = note[:place] + character + note[place + 1 :]
    if touched == note:
        return
    try:
        signed = verify_checkpoint(touched, [TrustedKey(signer.verifier)])
    except NoteError:
        return
    # The line with the time names no known key any more, and is passed over as a stranger's.
    assert (signed.head, signed.signed_at) == (HEAD, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n",
        "a\n\n",
        "a\n\nb\n",
        "a\n\n— name\n",
        "a\n\n— name AAAA\n",
        "a\n\n— na+me AAAAAAAA\n",
        "a\n\n— name AAAAAAAB=\n",
        "a\r\n\n— name AAAAAAAA\n",
        "a\n\n— name AAAAAAAA",
        "a\n\n" + "— name AAAAAAAA\n" * 65,
    ],
)
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        Note.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "o\n1\n",
        "o\n01\nAAAA\n",
        "o\n-1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "o\n1\n" + base64.b64encode(bytes(31)).decode() + "\n",
        "\n1\n" + base64.b64encode(bytes(32)).decode() + "\n",
        "o\n1\n" + base64.b64encode(bytes(32)).decode() + "\n\nmore\n",
        "o\n1\n" + base64.b64encode(bytes(32)).decode(),
    ],
)
def test_what_is_no_checkpoint_is_refused(text: str) -> None:
    with pytest.raises(NoteError):
        TreeHead.parse(text)


def test_an_empty_trees_head_and_extension_lines_are_read() -> None:
    encoded = base64.b64encode(bytes(32)).decode()
    assert TreeHead.parse(f"o\n0\n{encoded}\nextra line\n") == TreeHead("o", 0, bytes(32))


@pytest.mark.parametrize("name", ["", "two words", "a+b", "tab\there", "line\n", "nb\u00a0sp"])
def test_names_that_the_format_forbids_are_refused(name: str) -> None:
    with pytest.raises(NoteError, match="cannot be the name"):
        Signer.make(name)


def test_keys_are_read_as_they_are_written_and_damage_is_noticed(signer: Signer) -> None:
    assert Signer.parse(signer.private_text()) == signer
    assert Verifier.parse(str(signer.verifier)) == signer.verifier
    public, private = str(signer.verifier), signer.private_text()
    for damaged in (
        public[:-4] + "AAAA",
        public.replace("+", "-"),
        public.replace(signer.verifier.key_id.hex(), "0" * 8),
    ):
        with pytest.raises(NoteError):
            Verifier.parse(damaged)
    for damaged in (private[:-8] + "AAAAAAA=", private.removeprefix("PRIVATE+"), "PRIVATE+KEY+a"):
        with pytest.raises(NoteError) as refused:
            Signer.parse(damaged)
        assert base64.b64encode(signer.seed).decode()[:20] not in str(refused.value)


def test_a_private_key_does_not_show_itself(signer: Signer) -> None:
    assert repr(signer.seed) not in repr(signer)
    assert signer.seed.hex() not in repr(signer)
