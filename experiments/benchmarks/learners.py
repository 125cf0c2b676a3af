"""The super learner beside the usual learners on real tables, and beside the strongest published figures.

Runs the two comparison scripts of the shared folder and says what they come to. Everything that was run stays in one
folder, so that a comparison which was stopped goes on where it was.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from experiments.benchmarks.learner_scores import (
    NULL,
    best_peers,
    better_than_null,
    mean_ranks,
    means,
    paired_gap,
    ratios,
    table,
)

LEARNER: Final = "training.estimator:SurvivalSuperLearner"
ROOT = Path(__file__).resolve().parents[2]
_TEST_SHARE = 0.25
_CHOOSING, _JUDGING, _TIMING = (1, 2), tuple(range(11, 21)), (21,)
_SMALL = 1000  # rows up to which a set is split ten times
_SLOW_PEER = "rsf_tuned"
_MARGIN = 0.02


def measure(*, folder: Path, peers: Path | None = None) -> Iterator[str]:
    """Lines with ranks, ratios, intervals, the published figures and seconds.

    folder  where runs are kept; peers: finished rows of the usual learners, so that they are not run again.
    """
    bench = shared_bench()
    if bench is None:
        yield "no survival_bench.py in ../shared/bench. try: SPINECAST_SHARED=FOLDER"
        return
    folder.mkdir(parents=True, exist_ok=True)
    known = _rows(bench / "baseline.json")
    yield from _quality(bench, folder, known)
    yield from _intervals(bench, folder, known, peers)
    yield from _published(bench, folder)
    yield from _late_entrants(bench)
    yield from _seconds(bench, folder, known)


def shared_bench() -> Path | None:
    """The folder with the comparison scripts and their tables, where there is one."""
    folder = Path(os.environ.get("SPINECAST_SHARED", ROOT.parent / "shared")) / "bench"
    return folder if (folder / "survival_bench.py").is_file() else None


def compare(
    bench: Path,
    out: Path,
    *,
    learners: Sequence[str],
    peers: Sequence[str],
    sets: Sequence[str],
    seeds: Sequence[int],
    data: Path | None = None,
) -> pd.DataFrame:
    """Rows of the comparison script; what `out` holds already is not run again. data: other tables than its own."""
    words = ["run", str(out), "--data", str(data or bench / "data"), "--learner", *learners, "--peers", *peers]
    words += ["--only", *sets, "--seeds", *map(str, seeds)]
    _script(bench / "survival_bench.py", words)
    rows = _rows(out)
    return rows[rows["seed"].isin(seeds) & rows["ds"].isin(sets) & rows["who"].isin([*learners, *peers])]


def sizes(bench: Path) -> dict[str, int]:
    """Rows of each set."""
    files = sorted((bench / "data").glob("*.parquet"), key=lambda path: path.stat().st_size)
    return {path.stem: len(pd.read_parquet(path, columns=["time"])) for path in files}


def _quality(bench: Path, folder: Path, known: pd.DataFrame) -> Iterator[str]:
    own = compare(
        bench, folder / "own_1_2.json", learners=[LEARNER], peers=[], sets=list(sizes(bench)), seeds=_CHOOSING
    )
    rows = pd.concat([known[known["seed"].isin(_CHOOSING)], own], ignore_index=True)
    failed = int(own["error"].notna().sum()) if "error" in own else 0
    ibs, c, ici = (table(rows, score) for score in ("IBSx", "C", "ICIx"))
    honest = better_than_null(ibs)
    yield f"{len(ibs)} sets, seeds {_CHOOSING}; errors of ours: {failed}"
    yield f"  IBSx, mean rank where all ran ({len(ibs.dropna())} sets): {_words(mean_ranks(ibs, everywhere=True))}"
    yield f"  IBSx, mean rank on all sets: {_words(mean_ranks(ibs, everywhere=False))}"
    yield f"  IBSx, ours over each (geometric mean): {_words(ratios(ibs, LEARNER), 4)}"
    yield f"  ICIx, mean rank of those that beat Kaplan–Meier: {_words(mean_ranks(ici[honest], everywhere=True))}"
    yield f"  ICIx, the same on all sets: {_words(mean_ranks(ici[honest], everywhere=False))}"
    yield f"  ICIx, mean where all ran: {_words(means(ici[honest]), 4)}"
    yield f"  C, mean where all ran: {_words(means(c, largest_first=True), 4)}"
    for score in ("IBS", "ICI", "Cuno"):
        beside = mean_ranks(table(rows, score), largest_first=score == "Cuno", everywhere=True)
        yield f"  {score} (beside), mean rank: {_words(beside)}"
    best = ibs.drop(columns=LEARNER)
    for ds, who in best_peers(best).items():
        ours, least = float(ibs[LEARNER][ds]), float(best[who][ds])
        yield f"    {ds:<12} IBSx {ours:.4f}, best peer {who} {least:.4f} ({ours / least - 1:+.2%})"


def _intervals(bench: Path, folder: Path, known: pd.DataFrame, given: Path | None) -> Iterator[str]:
    small = [ds for ds, rows in sizes(bench).items() if rows <= _SMALL]
    best = best_peers(table(known[known["ds"].isin(small) & known["seed"].isin(_CHOOSING)], "IBSx"))
    out = folder / "peers_11_20.json"
    if given is not None and not out.exists():
        shutil.copy(given, out)
    yield f"gap in IBSx to the best peer of each set (chosen on seeds {_CHOOSING}), ten other seeds, corrected t"
    for ds in small:
        own = compare(bench, folder / "own_11_20.json", learners=[LEARNER], peers=[], sets=[ds], seeds=_JUDGING)
        peer = compare(bench, out, learners=[], peers=[best[ds]], sets=[ds], seeds=_JUDGING)
        both = own.merge(peer, on="seed")
        gap = paired_gap(both["IBSx_x"].tolist(), both["IBSx_y"].tolist(), test_share=_TEST_SHARE)
        verdict = "BEHIND" if gap.low > _MARGIN else "ahead" if gap.high < 0 else "not behind"
        found = f"{gap.value:+.2%} ({gap.low:+.2%} to {gap.high:+.2%})"
        yield f"  {ds:<12} {found} of {best[ds]}, {len(both)} splits: {verdict}"


def _published(bench: Path, folder: Path) -> Iterator[str]:
    held = json.loads((bench / "published.json").read_text())
    ratio: dict[str, list[float]] = {"clean": [], "entry told": []}
    yield "the strongest published figures, under their protocol: ours, published (their spread over ten splits)"
    for ds, figures in held["figures"].items():
        out = folder / f"paper_{ds}.json"
        if not out.exists():
            part = out.with_suffix(".part")
            _script(bench / "paper_protocol.py", [str(part), "--learner", LEARNER, "--only", ds])
            part.rename(out)
        found = _rows(out)
        kind = "entry told" if ds in held["entry_told"] else "clean"
        ratio[kind].append(float(found["IBS"].mean()) / figures["IBS"][0])
        yield (
            f"  {ds:<12} {kind:<11} IBS {found['IBS'].mean():.4f}, {figures['IBS'][0]:.4f} ({figures['IBS'][1]:.4f})  "
            f"C {found['C'].mean():.4f}, {figures['CI'][0]:.4f} ({figures['CI'][1]:.4f})"
        )
    for kind, values in ratio.items():
        yield f"  {kind}: geometric mean of IBS over the published {np.exp(np.mean(np.log(values))):.4f}"


def _late_entrants(bench: Path) -> Iterator[str]:
    """Who enters late is followed briefly: a learner that is paid for it lets them die."""
    script = _module(bench)
    held = json.loads((bench / "published.json").read_text())["entry_told"]
    yield "mean survival at the grid's end of the quarter whose follow-up was to be shortest, and of the others"
    for ds in held:
        ends: dict[str, list[tuple[float, float]]] = {}
        for seed, X, t, e, new, _, _, grid, (g, rows) in script.splits(bench / "data" / f"{ds}.parquet", _CHOOSING):
            seen = g(rows, np.full(len(rows), grid[-1]))
            late = seen <= np.quantile(seen, 0.25)
            if late.all():  # censoring came after the grid: nobody's follow-up was short
                continue
            for who, fit in {"ours": script.learner(LEARNER), **_peers(script, ("cox_ridge", NULL))}.items():
                end = fit(X.copy(), t, e, new.copy(), grid, seed)[:, -1]
                ends.setdefault(who, []).append((float(end[late].mean()), float(end[~late].mean())))
        ended = {who: np.mean(pairs, axis=0) for who, pairs in ends.items()}
        told = "; ".join(f"{who} {late:.3f}, {rest:.3f}" for who, (late, rest) in ended.items())
        yield f"  {ds:<12} {told or 'censoring begins after the grid'}"


def _seconds(bench: Path, folder: Path, known: pd.DataFrame) -> Iterator[str]:
    """On the sets where the slow peer is known to end."""
    sets = sorted(known.loc[known["who"] == _SLOW_PEER, "ds"].unique())
    rows = compare(bench, folder / "seconds.json", learners=[LEARNER], peers=[_SLOW_PEER], sets=sets, seeds=_TIMING)
    spent = rows.groupby("who")["sec"].sum()
    yield (
        f"seconds to fit and predict, {len(sets)} sets, one run: ours {spent[LEARNER]:.1f}, "
        f"{_SLOW_PEER} (two threads) {spent[_SLOW_PEER]:.1f}"
    )


def _peers(script: Any, names: Sequence[str]) -> dict[str, Any]:
    return {name: script.PEERS[name] for name in names}


def _module(bench: Path) -> Any:
    sys.path[:0] = [path for path in (str(ROOT), str(bench)) if path not in sys.path]
    return importlib.import_module("survival_bench")


def _script(script: Path, words: Sequence[str]) -> None:
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    subprocess.run(  # noqa: S603  # this interpreter and a script of the shared folder
        [sys.executable, str(script), *words],
        check=True,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
    )


def _rows(file: Path) -> pd.DataFrame:
    return pd.DataFrame(json.loads(file.read_text()))


def _words(values: dict[str, float], digits: int = 2) -> str:
    return ", ".join(f"{'ours' if who == LEARNER else who} {value:.{digits}f}" for who, value in values.items())
