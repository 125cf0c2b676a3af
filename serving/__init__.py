"""Answers: opens a verified bundle, knows nothing of how it was made.

Comes in:   bundles on the shelf (`bundles/<model>/<version>`), requests.
Goes out:   risks at horizons with the curve behind them, the documents that were released, problems without values.
Read first: `predictor.py`, `schemas.py`, then `web.py` and `guard.py`.
May import: features, and of training what a prediction needs (`bundle`, `shelf`, `recipe`, `curves`).
            bentoml only in `service.py` and `bento.py`.
"""
