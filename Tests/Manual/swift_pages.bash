#!/bin/bash
# swift-docc makes the pages of AsyncFiles, without a warning: no link leads nowhere, and each article is there.
# May take 1200 s on a busy machine: it builds AsyncFiles.
. "$CHECK_ROOT/Tests/parts/support.bash"

"${SWIFT:-swift}" package --package-path "$CHECK_ROOT" --scratch-path "$CHECK_ROOT/.build/pages" --allow-writing-to-directory "$PWD" \
    generate-documentation --target AsyncFiles --warnings-as-errors --output-path "$PWD/pages" >log 2>&1 ||
    fail "$(grep -m1 -E 'warning:|error:' log || tail -n 1 log)"
for article in reading writing eventloops cancellation; do
    [[ -s pages/data/documentation/asyncfiles/$article.json ]] || fail "there is no page about $article"
done
