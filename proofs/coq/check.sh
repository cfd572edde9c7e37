#!/usr/bin/env bash
# Compiles every proof in a temporary copy, re-checks the result with coqchk, and makes sure that
# the false claims under negative/ fail at the step where they are false.
# Usage: check.sh [--fast]    --fast: coqchk trusts the compiled standard library (about 30 s less)
set -euo pipefail

fast=no
case "${1-}" in
  "") ;;
  --fast) fast=yes ;;
  *) echo "check.sh: unknown option $1; the only option is --fast" >&2; exit 2 ;;
esac

if ! command -v coqc > /dev/null; then
  echo "skipped: coqc not found"
  exit 0
fi
if ! command -v coqchk > /dev/null; then
  echo "failed: coqc is here but coqchk is not; install the whole of Coq" >&2
  exit 1
fi

modules="Adam GeometricWeights ConstantGradient StepBound Increase Sharpness PublishedBound"
controls="PublishedBound UniformBound"
# What the standard library's real numbers rest on. coqchk lists what is loaded, so also what no
# theorem of ours uses: classic.
axioms_of_the_reals="sig_forall_dec sig_not_dec functional_extensionality_dep"
axioms_loaded="$axioms_of_the_reals classic"

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
copy=$(mktemp -d)
checker=
trap '[ -z "$checker" ] || kill "$checker" 2> /dev/null || true; rm -rf "$copy"' EXIT
cp "$here"/*.v "$copy"
mkdir "$copy/negative"
cp "$here"/negative/*.v "$copy/negative"
cd "$copy"

fail() { echo "failed: $*" >&2; exit 1; }

# One line a theorem: the k-th answer in a file's output belongs to its k-th Print Assumptions.
report() {
  sed -n 's/^Print Assumptions \(.*\)\.$/\1/p' "$1.v" > names
  awk -v module="$1" -v allowed=" $axioms_of_the_reals " '
    function stop(why) { print "failed: " module ": " why > "/dev/stderr"; bad = 1; exit 1 }
    FNR == NR { name[++names] = $1; next }
    /^(Axioms:|Closed under the global context)/ { answers++; next }
    /^[^ ]/ {
      sub(/^.*\./, "", $1)
      if (!index(allowed, " " $1 " ")) stop(name[answers] " rests on " $1)
      used[answers] = used[answers] " " $1
    }
    END {
      if (bad) exit 1
      if (answers != names) stop(names " theorems asked, " answers + 0 " answered")
      for (i = 1; i <= names; i++)
        print "proved  " module "." name[i] "  axioms:" (used[i] == "" ? " none" : used[i])
    }' names "$1.out"
}

echo "coqc $(coqc --print-version | cut -d' ' -f1)"
for module in $modules; do
  coqc -q -Q . Adamcheck "$module.v" > "$module.out" 2> "$module.err" \
    || { cat "$module.err" >&2; fail "$module.v does not compile"; }
  report "$module" > "$module.report" || exit 1
  cat "$module.report"
done

options="-o -silent -Q . Adamcheck"
for module in $modules; do
  [ "$fast" = no ] || options="$options -norec"
  options="$options Adamcheck.$module"
done
# shellcheck disable=SC2086
coqchk $options > coqchk.out 2>&1 &
checker=$!

for control in $controls; do
  # Compiled from its own folder: the positive PublishedBound bears the same name.
  ( cd negative; coqc -q -Q .. Adamcheck "$control.v" ) > control.err 2>&1 \
    && fail "negative/$control.v compiles: a false claim was proved"
  line=$(sed -n 's/^File "[^"]*", line \([0-9]*\),.*/\1/p' control.err)
  wanted=$(grep -n '(\* the false step \*)' "negative/$control.v" | cut -d: -f1)
  { [ "$line" = "$wanted" ] && grep -q 'Cannot find witness' control.err; } \
    || { cat control.err >&2; fail "negative/$control.v fails, but not at its false step"; }
  sed -E 's|:= 1\. \(\* true: (.*) \*\)|:= \1.|' "negative/$control.v" > "negative/True$control.v"
  ( cd negative; coqc -q -Q .. Adamcheck "True$control.v" ) > control.err 2>&1 \
    || { cat control.err >&2; fail "negative/$control.v fails with the true value as well"; }
  echo "refused negative/$control.v at line $line; the true value passes"
done

wait "$checker" || { checker=; cat coqchk.out >&2; fail "coqchk rejects the compiled proofs"; }
checker=
grep -q 'relying on type-in-type: <none>' coqchk.out || fail "coqchk: type-in-type is in use"
grep -q 'unsafe (co)fixpoints: <none>' coqchk.out || fail "coqchk: an unsafe fixpoint is in use"
grep -q 'positivity is assumed: <none>' coqchk.out || fail "coqchk: positivity is assumed"
axioms=$(sed -n '/^\* Axioms:/,/^ *$/s/^    //p' coqchk.out)
if [ "$fast" = no ]; then
  for axiom in $axioms; do
    case " $axioms_loaded " in
      *" ${axiom##*.} "*) ;;
      *) fail "coqchk reports an unexpected axiom: $axiom" ;;
    esac
  done
  for axiom in $axioms; do echo "axiom   $axiom (coqchk: loaded)"; done
else
  case "$axioms" in *Adamcheck.*) fail "coqchk reports an axiom of our own" ;; esac
  echo "coqchk: our modules accepted; the standard library was not re-checked (--fast)"
fi
echo "checked: $(cat ./*.report | wc -l) theorems, $(echo $controls | wc -w) refused claims"
