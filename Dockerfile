# docker build -t sfu . && docker run --network host -v sfu:/var/lib/sfu sfu
# The host's network: 2,000 UDP ports are not worth a translation, and addresses stay true.
FROM debian:12-slim AS build
RUN apt-get update \
 && apt-get install -y --no-install-recommends \
    python3-venv python3-dev gcc libc6-dev libssl-dev ca-certificates
WORKDIR /source
COPY pyproject.toml setup.py README.md LICENSE ./
COPY native native
COPY src src
# "" forwards only, without PyAV and the GPL codecs its wheel bundles: room codecs then hear nobody
ARG EXTRAS=[all]
RUN python3 -m venv /opt/sfu && /opt/sfu/bin/pip install --no-cache-dir ".$EXTRAS"

FROM debian:12-slim
RUN apt-get update \
 && apt-get install -y --no-install-recommends python3 libssl3 ca-certificates \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /var/lib/sfu --create-home sfu
COPY --from=build /opt/sfu /opt/sfu
USER sfu
VOLUME /var/lib/sfu
EXPOSE 8443/tcp 5060/tcp 5060/udp 5061/tcp 10000/udp 20000-21999/udp
ENTRYPOINT ["/opt/sfu/bin/sfu"]
CMD ["serve", "--data", "/var/lib/sfu"]
