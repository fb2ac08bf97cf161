"""Django's settings of the stock edge; `BENCHMARK_LAYER` is the layer's class, CHANNEL_LAYER_URL its Redis."""

import os

SECRET_KEY = "of-no-use-to-anybody-outside-a-benchmark"  # noqa: S105
ALLOWED_HOSTS = ["*"]
USE_TZ = True
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": os.environ.get("BENCHMARK_LAYER", "channels_redis.pubsub.RedisPubSubChannelLayer"),
        "CONFIG": {"hosts": [os.environ["CHANNEL_LAYER_URL"]]},
    }
}
