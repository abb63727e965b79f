#!/usr/bin/env bash
# Makes nano weak and lets `improve` have an hour with it. Weak: it is trained on three tasks alone,
# fast and for long enough that it has forgotten most of the others. Then rounds of acting and
# learning for an hour of work, and both checkpoints on unseen seeds that chose nothing.
# Each part that is done is not done again; everything goes on where it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=.venv/bin/python
OUT=${OUT:-checkpoints/improve}
HOURS=${HOURS:-1}
CORES=$(nproc)
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive

if [ ! -e "$OUT/three/done" ]; then
    rm -rf "$OUT/three"
    "$PYTHON" main.py collect --tasks click-button,click-checkboxes,enter-date --episodes 40 \
        --seed 570000 --workers "$CORES" --out "$OUT/three/runs"
    touch "$OUT/three/done"
fi
"$PYTHON" -m torch.distributed.run --standalone --nproc-per-node "$CORES" main.py sft \
    --config model/train/recipes/three-tasks.json --init nano --data "$OUT/three" --out "$OUT/weak"
"$PYTHON" main.py improve --suite miniwob --init "$OUT/weak/last" --out "$OUT/hours" \
    --hours "$HOURS" --rounds "$(awk "BEGIN { print int(8 * $HOURS + 0.99) }")" --episodes 3 --shown 3 \
    --measured 3 --steps 90 --learning-rate 2e-3 --workers "$CORES" --final 5
