#!/usr/bin/env bash
# Builds a release from the commit that is checked out, and proves it: metadata, installation of the wheel in an empty
# environment outside the checkout, one epoch of the README's sample there. What passes is left in dist/; nothing is
# tagged or uploaded.
#
#     bash scripts/release.sh
set -euo pipefail
cd "$(dirname "$0")/.."

refuse() {
    echo "release: $*" >&2
    exit 1
}

version=$(sed -n "s/^__version__ = '\(.*\)'$/\1/p" autograd_nn/version.py)
[ -n "$version" ] || refuse 'autograd_nn/version.py has no version'
[ -z "$(git status --porcelain)" ] || refuse "the tree has changes that are not committed; see git status"
grep -qE "^## \[?${version//./\\.}\]?( |$)" CHANGELOG.md || refuse "CHANGELOG.md has no section ## $version"
if git rev-parse -q --verify "refs/tags/v$version" > /dev/null; then
    refuse "the tag v$version is there already; autograd_nn/version.py needs the next one"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/source"
git archive HEAD | tar -x -C "$work/source"

python3 -m venv "$work/tools"
"$work/tools/bin/python" -m pip install --quiet --upgrade pip build twine
# The wheel is built from the source distribution, so that has all that it takes.
"$work/tools/bin/python" -m build --outdir "$work/dist" "$work/source" > "$work/log" 2>&1 || refuse "$(tail "$work/log")"
"$work/tools/bin/python" -m twine check --strict "$work"/dist/*

python3 -m venv "$work/empty"
"$work/empty/bin/python" -m pip install --quiet "$work"/dist/*.whl
sed -n '/^## A sample$/,/^## /p' README.md | sed -n '/^```python$/,/^```$/p' | sed '1d;$d' > "$work/sample.py"
grep -q get_digits "$work/sample.py" || refuse 'README.md has no sample that trains on the digits'
(cd "$work" && "$work/empty/bin/python" -I -c 'import autograd_nn.models, autograd_nn.training')
result=$(cd "$work" && "$work/empty/bin/python" -I sample.py)
echo "$result"
python3 -c 'import re, sys; sys.exit(float(re.findall(r"[\d.]+", sys.argv[1])[-1]) < 0.8)' "$result" \
    || refuse 'the sample of README.md learned nothing'

mkdir -p dist
cp "$work"/dist/* dist/
echo "dist/ has autograd_nn $version. To publish it:"
echo "    git tag v$version && git push origin v$version"
echo "    python -m twine upload dist/autograd_nn-$version*"
