#!/bin/sh
# From nothing to public/demo, in the order of README.md. Stopped at any time, it goes on where it was; a script that
# is done only prints its figures again. Usage: PYTHON=venv/bin/python ./make_all.sh [WORK folder]
set -eu
cd "$(dirname "$0")"
work=${1:-work}
python=${PYTHON:-python3}
for script in check train_vae train_base train_classifier evaluate train_clip make_sets export; do
  echo "== $script"
  case $script in
    check | make_sets) "$python" $script.py ;;
    *) "$python" $script.py --work "$work" ;;
  esac
done
