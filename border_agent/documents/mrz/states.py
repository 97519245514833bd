"""Codes of states, organisations and persons without a nationality (Doc 9303-3 section 5), without fillers.

No check digit covers the issuing state: a code that is not here was misread, or is one nobody agreed on.
"""

from __future__ import annotations

# ISO 3166-1, three letters, without DEU (Germany writes D) and one row a first letter.
_ISO = """
ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE
BDI BEL BEN BES BFA BGD BGR BHR BHS BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA
CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV CRI CUB CUW CXR CYM CYP CZE
DJI DMA DNK DOM DZA
ECU EGY ERI ESH ESP EST ETH
FIN FJI FLK FRA FRO FSM
GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY
HKG HMD HND HRV HTI HUN
IDN IMN IND IOT IRL IRN IRQ ISL ISR ITA
JAM JEY JOR JPN
KAZ KEN KGZ KHM KIR KNA KOR KWT
LAO LBN LBR LBY LCA LIE LKA LSO LTU LUX LVA
MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS MWI MYS MYT
NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL
OMN
PAK PAN PCN PER PHL PLW PNG POL PRI PRK PRT PRY PSE PYF
QAT
REU ROU RUS RWA
SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR SVK SVN SWE SWZ SXM SYC SYR
TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA
UGA UKR UMI URY USA UZB
VAT VCT VEN VGB VIR VNM VUT
WLF WSM
YEM
ZAF ZMB ZWE
"""

_GERMANY = "D"

_BRITISH = "GBD GBN GBO GBP GBS"
"""Nationalities of the United Kingdom other than citizen."""

_UNITED_NATIONS = "UNO UNA UNK"

_ORGANISATIONS = "EUE XBA XCC XCE XCO XDC XEC XES XIM XMP XOM XPO"
"""European Union, African Development Bank, CARICOM, Council of Europe, COMESA, SADC, ECOWAS, Eastern
Caribbean States, Afreximbank, Parliamentary Assembly of the Mediterranean, Order of Malta, INTERPOL."""

_WITHOUT_NATIONALITY = "XXA XXB XXC XXX"
"""Stateless, refugee (1951 convention), other refugee, unspecified."""

_NOT_IN_ISO = "RKS"
"""Kosovo's own passports."""

_SPECIMEN = "UTO"

STATE_CODES: frozenset[str] = frozenset(
    " ".join(
        (
            _ISO,
            _GERMANY,
            _BRITISH,
            _UNITED_NATIONS,
            _ORGANISATIONS,
            _WITHOUT_NATIONALITY,
            _NOT_IN_ISO,
            _SPECIMEN,
        )
    ).split()
)


def is_state_code(code: str) -> bool:
    """Whether a code without fillers is in the table. `UTO`, Utopia, is: specimens carry it."""
    return code in STATE_CODES
