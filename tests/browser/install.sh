#!/bin/sh
# A Chromium and a font with Chinese glyphs for the browser stories, where the system's packages can
# be installed. Without them the stories are left out, and that is said; never when CI=true.
set -u

found() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

if ! found >/dev/null; then
  if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "installing Chromium for the browser stories"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk >/dev/null
  fi
fi

if found >/dev/null; then
  # Without Chinese glyphs the stories in Chinese would look at empty boxes and pass.
  if command -v fc-list >/dev/null && [ -z "$(fc-list :lang=zh)" ] \
     && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq && apt-get install -y -qq --no-install-recommends fonts-noto-cjk >/dev/null
  fi
  exit 0
fi

if [ "${CI:-}" = true ]; then
  echo "no Chromium, and none could be installed: under CI the browser stories are never left out" >&2
  exit 1
fi
echo "no Chromium here: the browser stories are LEFT OUT (install chromium to run them)" >&2
