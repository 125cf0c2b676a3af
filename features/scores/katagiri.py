"""Revised Katagiri score. Katagiri, Okada, Takagi, Takahashi, Murata and others: Cancer Med 2014;3:1359.

0 to 10, higher is worse. Primaries are grouped by what can be done about them, not by organ.
"""

from __future__ import annotations

from typing import Final, Literal

from features.scores.condition import all_of, any_of, one_of, within
from features.scores.score import Item, Reading, RiskGroup, Row, Score

_HORMONAL: Final = one_of("primary_site", "breast", "prostate")
_LUNG: Final = one_of("primary_site", "lung_nsclc")
_MULTIPLE: Final = any_of(within("n_spinal_mets", at_least=2), one_of("n_extraspinal_bone", "1-2", ">=3"))
_SOLITARY: Final = all_of(within("n_spinal_mets", below=2), one_of("n_extraspinal_bone", "0"))

_RAPID: Final = (
    "lung_sclc",
    "colorectal",
    "stomach",
    "pancreas",
    "head_neck",
    "esophagus",
    "bladder_urothelial",
    "melanoma",
    "liver_hpb",
    "unknown",
)


def _growth(*, cervix: Literal[2, 3] = 2) -> Item:
    """Endometrium and ovary are moderate (2), the cervix rapid (3); the registry holds the three as one."""
    uterus = ("uterus_cervix_ovary",)
    dependent = all_of(_HORMONAL, one_of("hormone_dependence", "dependent"))
    independent = all_of(_HORMONAL, one_of("hormone_dependence", "independent"))
    targeted = all_of(_LUNG, one_of("molecular_target", "EGFR", "ALK", "other_targetable"))
    not_targeted = all_of(_LUNG, one_of("molecular_target", "none"))
    moderate = ("kidney", "sarcoma", "carcinoid_net", "other", *(uterus if cervix == 2 else ()))
    rapid = (*_RAPID, *(uterus if cervix == 3 else ()))
    return Item(
        "Growth of the primary",
        (
            Row(0, "slow", any_of(dependent, one_of("primary_site", "thyroid", "myeloma", "lymphoma"))),
            Row(2, "moderate", any_of(targeted, independent, one_of("primary_site", *moderate))),
            Row(3, "rapid", any_of(not_targeted, one_of("primary_site", *rapid))),
        ),
    )


KATAGIRI: Final = Score(
    name="katagiri_revised",
    title="Revised Katagiri",
    source="Katagiri 2014, Cancer Med 3:1359",
    higher_is_worse=True,
    lowest=0,
    highest=10,
    items=(
        _growth(),
        Item(
            "Visceral or cerebral metastases",
            (
                Row(2, "disseminated", one_of("visceral_mets", "disseminated")),
                Row(
                    1,
                    "nodular, or cerebral",
                    any_of(one_of("visceral_mets", "nodular"), within("brain_mets", at_least=1)),
                ),
                Row(0, "none", all_of(one_of("visceral_mets", "none"), within("brain_mets", below=1))),
            ),
        ),
        Item(
            "Laboratory data",
            (
                Row(
                    2,
                    "critical",
                    any_of(
                        within("platelets", below=100),
                        within("calcium", at_least=10.3),
                        within("bilirubin_total", at_least=1.4),
                    ),
                ),
                Row(
                    1,
                    "abnormal",
                    any_of(within("crp", at_least=0.4), within("ldh", at_least=250), within("albumin", below=3.7)),
                ),
                Row(
                    0,
                    "normal",
                    all_of(
                        within("platelets", at_least=100),
                        within("calcium", below=10.3),
                        within("bilirubin_total", below=1.4),
                        within("crp", below=0.4),
                        within("ldh", below=250),
                        within("albumin", at_least=3.7),
                    ),
                ),
            ),
        ),
        Item(
            "ECOG status",
            (Row(1, "3 or 4", one_of("ecog", "3", "4")), Row(0, "0 to 2", one_of("ecog", "0", "1", "2"))),
        ),
        Item(
            "Previous chemotherapy",
            (
                Row(1, "yes", within("prior_chemotherapy", at_least=1)),
                Row(0, "no", within("prior_chemotherapy", below=1)),
            ),
        ),
        Item("Skeletal metastases", (Row(1, "multiple", _MULTIPLE), Row(0, "solitary", _SOLITARY))),
    ),
    groups=(
        RiskGroup("0–3", 0, ((6, 0.981), (12, 0.914), (24, 0.778))),
        RiskGroup("4–6", 4, ((6, 0.740), (12, 0.493), (24, 0.276))),
        RiskGroup("7–10", 7, ((6, 0.269), (12, 0.060), (24, 0.021))),
    ),
    published="survival by group at 6, 12 and 24 months, constant hazard between them",
    assumptions=(
        "endometrial, ovarian and cervical primaries are one field: moderate (cervical alone would be rapid)",
        "carcinoid counts with the others: moderate",
    ),
    readings=(
        Reading("endometrium, ovary and cervix as cervix: rapid (3) instead of moderate (2)", _growth(cervix=3)),
    ),
)
