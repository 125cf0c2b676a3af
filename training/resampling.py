"""`Resample`: who teaches and who is judged; dealt from a keyed hash of ids, so that row order never matters."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Ids = NDArray[Any]
Dates = NDArray[np.datetime64]
LEAST_PROVED = 10
"""Patients; the digest of fewer could be found by trying."""


class ResamplingError(ValueError):
    """A design that these patients cannot carry."""


@final
@dataclass(frozen=True)
class Resample:
    """One pair of row sets.

    design  "nested_cross_validation", "leave_one_site_out", "bootstrap", "temporal".
    repeat, fold   its place in the design, from 0.
    label   who is judged, in words: "fold 3 of 5", "site=S03".
    train   rows that teach (a bootstrap repeats some).
    test    rows that are judged; never in `train`, but for a bootstrap, which judges everybody.
    """

    design: str
    repeat: int
    fold: int
    label: str
    train: Rows
    test: Rows

    def seed(self, study_seed: int) -> int:
        """The seed of this refit: the study's and its place, never a worker's."""
        return derive_seed(study_seed, self.design, self.repeat, self.fold)


def derive_seed(seed: int, *parts: str | int) -> int:
    """A seed in [0, 2³¹) from another and what it is for; the same on every machine."""
    text = "/".join([str(seed), *map(str, parts)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") % 2**31


def keyed_hashes(ids: Ids | Sequence[str], seed: int) -> list[str]:
    """A hash of each id under a key derived from the seed, 32 hexadecimal digits.

    Whoever knows the study can deal the same folds again, or recognise a patient whose id they already hold. It is no
    pseudonym: short ids can be guessed by whoever has the study, so hashes stay in the run folder.
    """
    key = hashlib.blake2b(f"spinecast/ids/{seed}".encode(), digest_size=32).digest()
    return [hashlib.blake2b(str(one).encode(), digest_size=16, key=key).hexdigest() for one in ids]


def canonical_order(ids: Ids | Sequence[str], seed: int) -> Rows:
    """Rows by the keyed hash of their id; copies of one id stay together, in the order they came."""
    return np.argsort(np.array(keyed_hashes(ids, seed)), kind="stable").astype(np.intp)


def folds(
    ids: Ids, event: NDArray[np.int64], sites: Ids | None, *, k: int, repeats: int, seed: int, design: str
) -> Iterator[Resample]:
    """`repeats` times `k` folds, dealt in canonical order within site × event, so that each has its share of both.

    Copies of a patient (a bootstrap) go to one fold. Raises `ResamplingError` below two folds or with fewer patients
    than folds.
    """
    unique, first, copy_of = np.unique(ids, return_index=True, return_inverse=True)
    if k < 2 or k > len(unique):
        raise ResamplingError(f"{design}: expected 2 to {len(unique)} folds for {len(unique)} patients, got {k}.")
    strata = [("" if sites is None else str(sites[row]), int(event[row])) for row in first]
    rows = canonical_order(ids, seed)
    for repeat in range(repeats):
        order = canonical_order(unique, derive_seed(seed, design, repeat))
        # The dealer never starts anew at a stratum: small strata would all favour the first fold.
        dealt = sorted(order.tolist(), key=strata.__getitem__)
        fold_of = np.empty(len(unique), dtype=int)
        fold_of[dealt] = np.arange(len(unique)) % k
        for fold in range(k):
            judged = fold_of[copy_of[rows]] == fold
            yield Resample(design, repeat, fold, f"fold {fold + 1} of {k}", rows[~judged], rows[judged])


def leave_one_site_out(ids: Ids, sites: Ids | None, *, seed: int) -> Iterator[Resample]:
    """Each site judged by what the others taught, in the order of the sites' names."""
    names = [] if sites is None else sorted({str(site) for site in sites})
    if sites is None or len(names) < 2:
        raise ResamplingError(f"leave_one_site_out: expected at least two sites, got {len(names)}.")
    rows = canonical_order(ids, seed)
    own = np.array([str(site) for site in sites])[rows]
    for fold, site in enumerate(names):
        yield Resample("leave_one_site_out", 0, fold, f"site={site}", rows[own != site], rows[own == site])


def bootstrap(ids: Ids, sites: Ids | None, *, replicates: int, seed: int) -> Iterator[Resample]:
    """Patients drawn with replacement, as many as there are in each site; everybody is judged once.

    Who taught is judged too: the optimism of a refit is the difference between its own draw and everybody.
    """
    rows = canonical_order(ids, seed)
    own = np.zeros(len(rows), dtype=str) if sites is None else np.array([str(site) for site in sites])[rows]
    strata = [np.flatnonzero(own == site) for site in np.unique(own)]
    for repeat in range(replicates):
        rng = np.random.default_rng(derive_seed(seed, "bootstrap", repeat))
        draw = np.sort(np.concatenate([stratum[rng.integers(0, len(stratum), len(stratum))] for stratum in strata]))
        yield Resample("bootstrap", repeat, 0, f"draw {repeat + 1} of {replicates}", rows[draw], rows)


def temporal(
    ids: Ids, dates: Dates | None, *, cutoff: str | None, share: float | None, seed: int
) -> Iterator[Resample]:
    """Patients before a day teach, those from it on are judged; the day is given, or the first that leaves at least
    this share of the patients before it.

    dates: (n,) of time zero, all known. Patients of one day stay together. Follow-up is not cut at the day.
    """
    if dates is None:
        raise ResamplingError(
            "temporal: this registry gives no day of time zero. "
            'try: date = "COLUMN" in [settings] of a table\'s contract (a date or a year), or another design.'
        )
    if (unknown := int(np.isnat(dates).sum())) > 0:
        raise ResamplingError(
            f"temporal: {unknown} of {len(dates)} patients have no date, so they lie on neither side of the day. "
            "try: record it, leave them out of the table, or another design."
        )
    if cutoff is not None:
        day = np.datetime64(cutoff, "D")
    else:
        ordered = np.sort(dates)
        last = ordered[min(max(int(np.ceil((share or 0.0) * len(ordered))), 1), len(ordered)) - 1]
        later = ordered[ordered > last]
        day = later[0] if len(later) else last
    rows = canonical_order(ids, seed)
    early = dates[rows] < day
    if early.all() or not early.any():
        raise ResamplingError(
            f"temporal: {int(early.sum())} of {len(rows)} patients were treated before the day; both sides need some. "
            "try: another cutoff."
        )
    yield Resample("temporal", 0, 0, f"time zero from {day} on", rows[early], rows[~early])


def split_proofs(resamples: Sequence[Resample], ids: Ids, seed: int) -> list[dict[str, str | int | None]]:
    """One row per resample: digests of both sets of patients by their keyed hashes, sizes, and how many are in both.

    Whoever holds the ids and the seed can make the digests again. Of fewer than ten patients none is told: the seed is
    in the bundle, and who is in so small a set could be tried out. A bootstrap judges its teachers by design, and there
    the overlap says how many were drawn.
    """
    hashes = np.array(keyed_hashes(ids, seed))
    rows: list[dict[str, str | int | None]] = []
    for one in resamples:
        train, test = np.unique(one.train), np.unique(one.test)
        told = min(len(train), len(test)) >= LEAST_PROVED
        rows.append(
            {
                "design": one.design,
                "repeat": one.repeat,
                "label": one.label,
                "train_digest": _digest_of(hashes[train]) if told else None,
                "test_digest": _digest_of(hashes[test]) if told else None,
                "n_train": len(train),
                "n_test": len(test),
                "overlap": len(np.intersect1d(train, test)),
            }
        )
    return rows


def _digest_of(hashes: NDArray[np.str_]) -> str:
    return hashlib.sha256("\n".join(sorted(hashes.tolist())).encode()).hexdigest()
