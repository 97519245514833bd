"""The contract's dictionary: what templates of entries mostly consist of, known to both ends.

Zstandard takes it as text that came before the text area. It belongs to version 1 of the packing (`areas.VERSION`)
and never changes: other bytes here, and what was packed with them is not read. A test holds its SHA-256. Marks are
those of `streams`. What an agent of today writes is in it; whatever else an entry says is packed all the same.
"""

from __future__ import annotations

_CODES = """
clock.behind clock.corrected clock.doubtful clock.holdover clock.jumped clock.went_back decoder.failed
document.characters document.check_digit document.code_unknown document.expired_review document.expiry_unclear
document.impossible_date document.missing document.number_missing document.second document.type_not_accepted
document.typed document.uncertain document.unreadable inspection.problem inspection.step_skipped
inspection.step_timed_out list.expired list.missing list.stale regime.unknown
seal.forged_not_needed seal.missing seal.not_a_seal seal.not_a_visa seal.not_judged seal.out_of_scope
seal.signer_expired seal.signer_revoked seal.signer_unknown seal.unreadable seal.unsigned
stay.entry_unknown stay.open_elsewhere stay.overstayed traveller.age_unclear traveller.minor
traveller.minor_alone traveller.unanswered visa.document_mismatch visa.document_unclear visa.entries_unclear
visa.holder_differs visa.issuer_not_accepted visa.mrz_invalid visa.not_needed visa.not_yet_valid
visa.portrait_differs visa.record_differs visa.revoked visa.second visa.status_unknown visa.used_elsewhere
visa.used_up visa.validity_unclear watchlist.discreet watchlist.document watchlist.hit watchlist.inform watchlist.stop
chip.access_refused chip.downgraded chip.hostile chip.invalid chip.mrz_differs chip.not_authenticated chip.not_read
chip.portrait_unreadable chip.required chip.signer_expired chip.signer_expired_now chip.signer_revoked chip.cloned
face.declined face.no_match face.no_reference face.not_compared face.references_disagree face.several
"""

_EVENTS = """
started stopped keys_installed certificate_renewed call_answered call_ended device_tested drill_ended reboot_asked
staff_locked staff_refused staff_signed_in staff_signed_out store_writable window_back window_silent evidence_erased
clock_set clock_turned visa_conflict visa_conflict_withdrawn health
signed_in signed_out suspended resumed exported mended second_agreed password_changed card_read unlocked
"""

_MATCHER = (
    b'"match_threshold":0.437,"doubt_threshold":0.6,"frames":\x10,"model":"dlib-resnet-v1+5-points","model_sha256":'
    b'"55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30","calibration_sha256":'
    b'"b938fd854d57748914ea76ca39d048c625b593f8f2b4012a0810b68666592f96","provisional":'
)
"""As the matcher and its calibration are shipped."""

_HEADER = b'","id":"%b","occurred_at":"\x05","recorded_at":"\x06","clock":"%b"'
_CHECK = b',"inspection_id":"\x04","direction":"%b"'


def _face(reference: bytes, zone: bytes = b"match") -> bytes:
    return b'{"reference":"%b","zone":"%b","distance":\x0f,%btrue}' % (reference, zone, _MATCHER)


def _list(name: bytes, version: bytes) -> bytes:
    return b'{"name":"%b","version":%b,"head":"\x02"}' % (name, version)


def _severities(word: str, severity: bytes) -> bytes:
    return b'{"code":"%b","severity":"%b"}' % (word.encode(), severity)


def _header(kind: bytes, clock: bytes, mark: bytes = b"\x03") -> bytes:
    return b'{"kind":"' + kind + _HEADER % (mark, clock)


DICTIONARY = b"".join(
    (
        "".join(f'"{word}"' for word in _EVENTS.split()).encode(),
        b",".join(_severities(word, b"refer") for word in _CODES.split()),
        b'"zone":"no_match","zone":"doubt","zone":"unknown","zone":"match"},"severity":"note"',
        b'"read":"camera","source":"typed"}"TD2","TD1","MRVA",,"lines":["',
        b'","paper":"","entered_by":"","second_officer":"","visa_id":"","corrects":"\x0e","annuls":false,"changes":{"',
        _header(b"late_entry", b"holdover") + _CHECK % b"exit",
        _header(b"correction", b"acknowledged") + _CHECK % b"unknown" + b',"officer":"',
        _header(b"officer_act", b"doubtful")
        + b',"officer":"","act":"","subject":"","second_officer":"","details":{}}',
        _header(b"epoch_opened", b"unknown")
        + b',"device":"kiosk-","software":"0.1.0","reason":"first_start","previous_epoch":"","previous_sequence":0,'
        b'"previous_head":"","carried":0}"store_lost""restored""damaged"',
        _header(b"device_event", b"holdover")
        + b',"event":"health","details":{"disk_free":"1","disk_total":"1","room":"ok","store":"1","unsent":"0",'
        b'"online":"1","problems":"","clock":"synchronised","clock_back":"0","evidence_waiting":"0","evidence_bytes":"0","memory":"1"}}',
        _header(b"device_event", b"synchronised") + b',"event":"started","details":{"software":"0.1.0"}}',
        _header(b"device_event", b"synchronised")
        + b',"event":"list_installed","details":{"subject":"visas","version":"',
        _header(b"inspection", b"holdover", b"\x01") + _CHECK % b"exit",
        _header(b"movement", b"holdover", b"\x01") + _CHECK % b"exit",
        _header(b"inspection", b"synchronised", b"\x01") + _CHECK % b"entry",
        _header(b"movement", b"synchronised", b"\x01") + _CHECK % b"entry",
        b',"document":null,"visa":null,"faces":[],"findings":[],"chip":null}',
        b',"document":{"format":"TD1",\x16,"source":"camera"}',
        b',"document":{"format":"TD3",\x14,"source":"reader"}',
        b',"visa":{"visa_id":"","issuer":"","signer":"","signature":"signer_unknown","seen_at_centre":false,',
        b'"forged","expired","revoked","unsigned",',
        b',"visa":{"visa_id":"\x13","issuer":"UTO","signer":"UTO 01","signature":"valid","seen_at_centre":true,'
        b'"valid_from":"\x08","valid_until":"\x12","entries":1,"uses_before":0}',
        b',"faces":[' + _face(b"chip_unvouched"),
        b"," + _face(b"visa_record") + b"," + _face(b"printed") + b"]",
        b',"faces":[' + _face(b"chip") + b"," + _face(b"visa_record") + b"," + _face(b"printed") + b"]",
        b',"findings":[],"findings":['
        + b",".join(
            (
                _severities("seal.forged", b"refuse"),
                _severities("document.expired", b"refuse"),
                _severities("visa.expired", b"refuse"),
                _severities("visa.not_yet_seen", b"info"),
                _severities("document.expires_soon", b"info"),
                _severities("face.doubt", b"refer"),
                _severities("chip.no_trust_anchor", b"info"),
                _severities("face.reference_unvouched", b"info"),
            )
        ),
        b',"findings":['
        + _severities("chip.verified", b"info")
        + b","
        + _severities("face.provisional", b"info")
        + b"]",
        b',"proposal":"refuse","decision":"refuse","officer":"","reason":"","proposal":"refer","decision":"refer",',
        b'"officer":"","proposal":"admit","decision":"admit","officer":"1001","reason":""',
        b',"regime":"national","stay_days":0,"group":"\x0e","regime":"resident","regime":"crew","regime":"exempt",',
        b'"stay_days":90,"group":"","policy_id":"',
        b',"regime":"visa_required","stay_days":30,"group":"","policy_id":"","rules_version":1',
        b',"lists":['
        + b",".join(
            _list(name, version)
            for name, version in (
                (b"csca", b"10"),
                (b"devices", b"1"),
                (b"officers", b"0"),
                (b"policy", b"1"),
                (b"stays", b"12"),
                (b"trust", b"2"),
                (b"visas", b"34"),
                (b"watchlist", b"3"),
            )
        )
        + b"]",
        b',"evidence":null,"evidence":"\x11="',
        b',"second_officer":"","origin":"kiosk-","grounds":["","no_document","visa_not_valid"],"overstay_days":0',
        b',"second_officer":"","origin":"","grounds":[],"overstay_days":0,"chip":null}',
        b',"chip":{"outcome":"absent","error":"","access":"","authenticity":"","passive":"","issuer":"","signer":"",'
        b'"agrees":null,"portrait_sha256":""}"lost""timed_out""hostile""unreadable""access_refused""proved_cam""failed"',
        b'"unsupported","passive":"no_trust_anchor""invalid""expired""revoked""pace-im""pace-cam""bac","authenticity":',
        b'"proved_aa",,"outcome":"cancelled"}},"outcome":"referred"}',
        b',"chip":{"outcome":"read","error":"","access":"pace-gm","authenticity":"proved_ca","passive":"trusted",'
        b'"issuer":"UT","signer":"C=UT, O=Ministry of the Interior, OU=Passports, CN=Document Signer 1",'
        b'"agrees":true,"portrait_sha256":"\x0c="}}',
    )
)
