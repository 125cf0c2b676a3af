"""The verbs of the console script, one file each; each holds one Click command named `command`.

Comes in: what a person typed. Goes out: a result on stdout, messages on stderr, an exit code.
A verb reads its flags, calls one function of the house and says what came out; it has no logic of its own, and it
imports what it needs inside its function, so that no verb pays for another. Verbs may see both `experiments` and
`serving`: the one written exception to the rule that these rooms never meet.
Read first: `experiments/cli.py`, then `study.py`.
"""
