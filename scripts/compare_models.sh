#!/bin/sh
# Three models, two learning rates, five seeds: thirty short runs of the quick experiment, then one comparison of them.
#   sh scripts/compare_models.sh [DIR]        some ten minutes on one CPU core; DIR is outputs by default
# What it says is in docs/compare.md. A second call compares without training again.
set -eu
outputs=${1:-outputs}
for model in transformer vae vae_gan; do
    test -e "$outputs/compare_models/$model" || python train.py experiment=quick name=compare_models \
        trainer.steps=80 trainer.eval_every=10 trainer.eval_batches=2 sample.every=80 \
        'logging=[]' paths.outputs="$outputs" hydra.sweep.dir="$outputs/compare_models/$model" \
        -m model=$model optim.lr=1e-3,3e-3 seed=1,2,3,4,5
done
python -m aurl compare "$outputs/compare_models" --baseline "model=transformer, optim.lr=0.003" \
    --html "$outputs/compare_models/report.html" --markdown "$outputs/compare_models/report.md"
