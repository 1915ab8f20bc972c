"""
What an engineer would build instead of the product: FastAPI and torch, doing the same job for one shop.

The signature of Shopify's app proxy is checked, the customer's past read from Redis, the product's own blend
asked, out of the same artifact, and the decision written by one INSERT that is committed before the answer.
Where the blend has a transformer, torch runs it. There is no rollout, no shadow, no flight recorder, no
seal, no deadline and no word for a reason: all that this lacks is in its favour.

    FASTAPI_TORCH=settings.json uvicorn --workers 2 --no-access-log bench.peers.serving.fastapi_torch:app
"""

import hashlib
import hmac
import json
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl

import asyncpg
import orjson
import redis.asyncio
import torch
from fastapi import FastAPI, Request, Response

from bench.peers.serving.pasts import read_past
from models.recommender import api
from models.recommender.learning.transformer.inference import torch_encoder
from models.recommender.learning.transformer.network import Recommender, Shape
from models.recommender.serving.artifact import read_manifest
from models.recommender.serving.blend import Blend
from models.recommender.serving.transformer import Transformer

SETTINGS = json.loads(Path(os.environ["FASTAPI_TORCH"]).read_text())
SHOWN, ASKED = 8, 28
STALE_SECONDS = 90
TABLE = """
    CREATE TABLE IF NOT EXISTS fastapi_torch_decision (
        id uuid PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), visitor text, surface text NOT NULL,
        product bigint, items jsonb NOT NULL
    )
"""
INSERT = (
    "INSERT INTO fastapi_torch_decision (id, visitor, surface, product, items) VALUES ($1, $2, $3, $4, $5)"
)


def load(folder: Path) -> api.Scorer:
    """Return the scorer of an artifact, its transformer run by torch."""
    scorer = api.load(folder)
    blend = scorer.served_model
    if not isinstance(blend, Blend):
        return scorer
    members = [
        _by_torch(one, folder, scorer) if isinstance(one, Transformer) else one for one in blend.members
    ]
    served = replace(blend, members=tuple(members))
    return replace(scorer, models={**scorer.models, scorer.version_info.served: served})


def _by_torch(transformer: Transformer, folder: Path, scorer: api.Scorer) -> Transformer:
    """
    Return a transformer of the same shape and cost that torch runs.

    It has learned nothing, since no artifact keeps torch's weights: its answers are others, not its work.
    """
    recipe = read_manifest(folder)["params"]["recipe"]
    shape = Shape(
        items=len(transformer.head.bias),
        words=len(scorer.content.vocabulary),
        window=transformer.window,
        **{name: recipe[name] for name in ("width", "layers", "heads", "dropout")},
    )
    torch.manual_seed(0)
    network = Recommender(shape, scorer.content.tokens, transformer.head.prices.copy())
    return replace(transformer, encode=torch_encoder(network.eval()))


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Open what answers need, once a worker."""
    torch.set_num_threads(1)
    state, told = app.state, SETTINGS
    state.secret = told["secret"].encode()
    state.cards = {card["product_id"]: card for card in told["cards"]}
    state.scorer = load(Path(told["artifact"]))
    state.redis = redis.asyncio.from_url(told["redis_url"])
    async with asyncpg.create_pool(told["database_url"], min_size=4, max_size=4) as pool:
        await pool.execute(TABLE)
        state.pool = pool
        yield
        await state.redis.aclose()


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.get("/health")
async def health() -> Response:
    """Say that everything is loaded."""
    return Response()


@app.get("/proxy/recommendations")
async def recommendations(request: Request) -> Response:
    """Answer a storefront."""
    state = app.state
    asked = dict(parse_qsl(request.scope["query_string"].decode(), keep_blank_values=True))
    if not _is_signed(asked, state.secret):
        return Response(status_code=401)
    customer, product = asked.get("logged_in_customer_id", ""), asked.get("product")
    kept = await state.redis.get(f"bench:past:{customer}") if customer else None
    page = int(product) if product else None
    found = state.scorer.score(read_past(kept), now=time.time_ns() // 1000, context=page, k=ASKED)
    shown = [one for one in found if one.item in state.cards][:SHOWN]
    decision = uuid.uuid4()
    items = orjson.dumps([{"id": one.item, "score": one.score, "why": one.reason.kind} for one in shown])
    visitor = customer or asked.get("visitor")
    await state.pool.execute(INSERT, decision, visitor, asked["surface"], page, items.decode())
    body = {
        "decision": str(decision),
        "surface": asked["surface"],
        "version": 1,
        "fallback": None,
        "items": [state.cards[one.item] | {"why": one.reason.kind} for one in shown],
    }
    return Response(orjson.dumps(body), media_type="application/json")


def _is_signed(asked: dict[str, str], secret: bytes) -> bool:
    signature = asked.pop("signature", "")
    message = "".join(sorted(f"{name}={value}" for name, value in asked.items()))
    expected = hmac.new(secret, message.encode(), hashlib.sha256).hexdigest()
    is_fresh = abs(time.time() - int(asked.get("timestamp", "0"))) < STALE_SECONDS
    return hmac.compare_digest(expected, signature) and is_fresh
