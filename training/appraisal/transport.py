"""How far the model travels: the worst site, the next hospital, other groups of patients, other times."""

from __future__ import annotations

from typing import Final

from training.appraisal.finding import Answer, Check, answer, listed, not_applicable
from training.appraisal.reading import CHOSEN, Reading, by, place, said
from training.evidence import Estimate

SITES: Final = "leave_one_site_out"
SITE_OE: Final = (0.8, 1.25)
LEAST_SITE_C: Final = 0.60
NEXT_OE: Final = (0.67, 1.5)
LEAST_NEXT_C: Final = 0.60
ALPHA: Final = 0.05


def _worst_site(reading: Reading) -> Answer:
    sites = [name for name in reading.populations() if name.startswith("site=")]
    if not sites:
        return not_applicable("no site was left out and judged by itself")
    off: list[str] = []
    judged: list[Estimate] = []
    for site in sites:
        ratios = [one for one in reading.numbers("oe_ratio", design=SITES, population=site) if one.low is not None]
        ranks = [one for one in reading.numbers("harrell_c", design=SITES, population=site) if one.low is not None]
        judged += ratios
        off += [
            f"{site} observed/expected {said(one)} {place(one, reading.cause)}"
            for one in ratios
            if _wholly(one, SITE_OE)
        ]
        off += [
            f"{site} C {said(one)} {place(one, reading.cause)}" for one in ranks if (one.high or 1.0) < LEAST_SITE_C
        ]
    if not judged:
        return not_applicable("no site has events enough for an interval")
    if off:
        return answer(True, f"{listed(off)}.")
    worst = max(judged, key=lambda one: max(one.value or 1.0, 1 / max(one.value or 1.0, 1e-9)))
    where = f"{worst.population.removeprefix('site=')}, observed/expected {said(worst)} {place(worst, reading.cause)}"
    return answer(False, f"{len(sites)} sites; farthest from one: {where}.")


def _wholly(one: Estimate, limits: tuple[float, float]) -> bool:
    return one.low is not None and one.high is not None and (one.high < limits[0] or one.low > limits[1])


def _next_hospital(reading: Reading) -> Answer:
    parts, off = [], []
    for metric, word in (("harrell_c", "C"), ("oe_ratio", "observed/expected")):
        for one in reading.evidence.find(metric=metric, population="next site", cause=reading.cause, model=CHOSEN):
            if one.low is None or one.high is None or one.horizon_days not in (None, reading.horizon_days):
                continue
            parts.append(f"{word} {one.low:.2f} to {one.high:.2f} {by(one.horizon_days)}")
            off.append(
                one.low < LEAST_NEXT_C if metric == "harrell_c" else one.low < NEXT_OE[0] or one.high > NEXT_OE[1]
            )
    if not off:
        return not_applicable("no prediction interval for the next hospital: fewer than three sites with events enough")
    return answer(any(off), f"expected at a hospital not seen yet: {', '.join(parts)}.")


def _one_source(reading: Reading) -> Answer:
    designs = {one.design for one in reading.evidence.estimates if one.model == CHOSEN and one.value is not None}
    if not designs:
        return not_applicable("the model was not judged")
    outside = sorted(designs & {SITES, "temporal", "external"})
    if outside:
        return answer(False, f"judged by {', '.join(name.replace('_', ' ') for name in outside)} too.")
    return answer(True, "judged by resampling the same patients alone: no other site, time or registry.")


def _gaps(reading: Reading) -> Answer:
    rows = [row for row in reading.table("subgroup_gaps") if row["cause"] == reading.cause]
    if not rows:
        return not_applicable("no gap between subgroups has an interval")
    apart = [row for row in rows if row["p_holm"] < ALPHA]
    if not apart:
        least = min(rows, key=lambda row: float(row["p_holm"]))
        return answer(False, f"{len(rows)} gaps between subgroups, least p after Holm {least['p_holm']:.2g}.")
    names = [
        f"{row['group']}={row['level']} {row['metric'].replace('_', ' ')} {row['value']:.2f} "
        f"against {row['rest']:.2f} {by(row['horizon_days'])} (p = {row['p_holm']:.2g})"
        for row in sorted(apart, key=lambda row: float(row["p_holm"]))
    ]
    return answer(True, f"{len(apart)} of {len(rows)} gaps: {listed(names)}.")


TRANSPORT: Final = (
    Check(
        "PM025",
        "A site that the model misjudges",
        "a left-out site whose interval of observed/expected lies wholly outside 0.8 to 1.25, or of C below 0.60",
        "Debray et al. 2023, BMJ 380:e071018 (TRIPOD-Cluster 13a); house limits",
        "At that hospital the model is wrong on average, or ranks its patients no better than chance.",
        "Ask what is different there: patients, treatment, or registration; recalibrate for it or say it is excluded.",
        _worst_site,
    ),
    Check(
        "PM026",
        "The next hospital may be misjudged",
        "95 % prediction interval of observed/expected beyond 0.67 to 1.5, or of C below 0.60",
        "Snell et al. 2018, Stat Methods Med Res 27:3505; van Leeuwen et al. 2024, arXiv 2406.08628; house limits",
        "Average performance says little about one new hospital.",
        "Check calibration locally before use, and recalibrate; expect this finding where sites are few.",
        _next_hospital,
    ),
    Check(
        "PM027",
        "Judged inside one source",
        "no design that leaves out a site, a period or a registry",
        "Collins et al. 2024, BMJ 384:e074819",
        "A random split resembles the patients who taught the model more than any new hospital does.",
        'Add the design "leave_one_site_out", a temporal one, or an external cohort.',
        _one_source,
    ),
    Check(
        "PM028",
        "Subgroups judged otherwise",
        f"a gap between a subgroup and the others with p below {ALPHA:g} after Holm's correction over all gaps",
        "TRIPOD+AI items 14 and 23a; Holm 1979, Scand J Stat 6:65",
        "Some patients are answered worse than others.",
        "Read the group's own calibration; say it on the card.",
        _gaps,
    ),
)
