#!/usr/bin/env bash
# Trains the shipped weights again, from nothing: demonstrations, labelled pages, vocabulary,
# every stage of the recipe; then the network acts, the experts say at each of its steps what
# they would have done, and it learns from that too (DAgger, https://arxiv.org/abs/1011.0686).
# At the end model/weights/nano, with a record of how it was made.
# Each part that is done is not done again; training goes on where it was stopped.
set -euo pipefail
cd "$(dirname "$0")/.."

PYTHON=.venv/bin/python
RECIPE=${RECIPE:-model/train/recipes/nano.json}
CORRECTIONS=${CORRECTIONS:-model/train/recipes/corrections.json}
DATA=${DATA:-data}
CHECKPOINTS=${CHECKPOINTS:-checkpoints/nano}
WEIGHTS=${WEIGHTS:-model/weights/nano}
TASKS=${TASKS:-trained}
EPISODES=${EPISODES:-120}      # a task, half of them with the expert disturbed now and then
NOISE=${NOISE:-0.25}           # share of the disturbed expert's steps
OWN_EPISODES=${OWN_EPISODES:-16}  # a task, acted by the network itself
PAGES=${PAGES:-16000}          # of random text, to learn reading from
CORES=$(nproc)
started=$(date +%s)

say() { echo "nano: $*"; }
# Runs a part once: `once NAME COMMAND...` leaves $DATA/NAME.done behind.
once() {
    local mark="$DATA/$1.done"
    shift
    if [ -e "$mark" ]; then
        say "have $(basename "$mark" .done)"
        return
    fi
    "$@"
    touch "$mark"
}
# A run that was interrupted is made again whole, so that no episode is there twice.
collect() {
    local run="$DATA/runs/$1" episodes=$2 seed=$3
    shift 3
    rm -rf "$run"
    "$PYTHON" main.py collect --out "$run" --tasks "$TASKS" --episodes "$episodes" \
        --seed "$seed" --workers "$CORES" "$@"
}
# A process a core, each with one thread: twice as quick here as one process with two.
train() {
    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive "$PYTHON" -m torch.distributed.run --standalone \
        --nproc-per-node "$CORES" main.py "$@" --data "$DATA"
}

mkdir -p "$DATA"
once straight collect straight "$((EPISODES / 2))" 0
once disturbed collect disturbed "$((EPISODES / 2))" 500000 --noise "$NOISE"
once specimens "$PYTHON" main.py label --out "$DATA/specimens" --pages "$PAGES"
once vocabulary "$PYTHON" main.py vocabulary --runs "$DATA/runs" --out "$DATA/tiktoken.model"

# What the gates judge by: seeds that nothing is trained on.
HELD_OUT="$DATA/held-out"
once held-out-pages "$PYTHON" main.py label --out "$HELD_OUT/specimens" --pages 300 --seed 800000
held_out_steps() {
    rm -rf "$HELD_OUT/runs"
    "$PYTHON" main.py collect --out "$HELD_OUT/runs" --tasks "$TASKS" --episodes 3 \
        --seed 980000 --workers "$CORES"
}
once held-out-steps held_out_steps

train pretrain --recipe "$RECIPE" --out "$CHECKPOINTS"
last_stage=$("$PYTHON" -c "
import sys
from pathlib import Path
from model.train.recipe import Recipe
print(Recipe.from_file(Path(sys.argv[1])).stages[-1].name)" "$RECIPE")

learner="$CHECKPOINTS/$last_stage/last"
once corrected collect corrected "$OWN_EPISODES" 700000 --model "$learner" --max-steps 12
train sft --config "$CORRECTIONS" --init "$learner" --out "$CHECKPOINTS/corrections"

mkdir -p "$WEIGHTS"
cp "$CHECKPOINTS/corrections/last/"* "$WEIGHTS/"
cat >"$WEIGHTS/recipe.json" <<JSON
{
  "made": "$(date -u +%Y-%m-%d)",
  "commit": "$(git rev-parse HEAD)",
  "hours": $(awk "BEGIN { printf \"%.2f\", ($(date +%s) - $started) / 3600 }"),
  "cores": $CORES,
  "data": {
    "tasks": "$TASKS",
    "episodes_a_task": $EPISODES,
    "own_episodes_a_task": $OWN_EPISODES,
    "first_seeds": [0, 500000, 700000],
    "noise": $NOISE,
    "specimens": $PAGES
  },
  "recipe": $(cat "$RECIPE"),
  "corrections": $(cat "$CORRECTIONS")
}
JSON
say "weights in $WEIGHTS"
