# Two images from one build:
#
#   docker build --target baryon .          the daemon alone: static, not root, no shell
#   docker build --target baryon-engines .  with bash and git, for engines that run processes
#
# Take the first when templates are CloudFormation, CodeBuild or pull requests;
# take the second, or build your own on it with terraform, cdk or kubectl added,
# when the daemon runs the commands of templates itself.
#
# The RUN lines are also executed without Docker, by .ci/dockerfile: keep what
# they write below /out, which that script replaces by a scratch folder.

FROM golang:1.26.8-trixie AS build
WORKDIR /src
# Modules in a layer of their own: it is rebuilt only when their list changes.
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=unknown
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o /out/root/baryon ./cmd/baryon
# What a static binary still expects of a system: an account to be, a place for
# temporary files, and a folder for its data that this account may write.
RUN mkdir -p /out/root/etc/baryon /out/root/data /out/root/tmp \
    && chmod 1777 /out/root/tmp \
    && echo 'baryon:x:65532:65532:baryon:/data:/sbin/nologin' > /out/root/etc/passwd \
    && echo 'baryon:x:65532:' > /out/root/etc/group

FROM scratch AS baryon
COPY --from=build --chown=65532:65532 /out/root/ /
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
USER 65532:65532
# baryon.yaml says "data: ./baryon-data" unless told otherwise: below the volume.
WORKDIR /data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/baryon"]
CMD ["serve", "--config", "/etc/baryon/baryon.yaml"]

FROM debian:trixie-slim AS baryon-engines
# tini reaps what is left of commands whose parents are gone; a daemon as
# process 1 would have to.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends bash ca-certificates git openssh-client tini \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 65532 --create-home --home-dir /data --shell /usr/sbin/nologin baryon
COPY --from=build /out/root/baryon /usr/local/bin/baryon
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["/usr/bin/tini", "--", "/usr/local/bin/baryon"]
CMD ["serve", "--config", "/etc/baryon/baryon.yaml"]
