"""What loops print, by the trainers that print so; all made for these tests."""

# ruff: noqa: E501  lines stand here as they are printed
from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.lint.files import records, series, write

Points = list[tuple[int, float]]


class Made(NamedTuple):
    """A log, and what it says: the losses by step."""

    text: str
    loss: Points
    validation: Points = []  # noqa: RUF012
    lr: float | None = None


KINDS = {
    "nanogpt": Made(
        "step 0: train loss 4.2, val loss 4.3\niter 0: loss 4.25, time 5.1ms, mfu -100.00%\n"
        "iter 10: loss 3.9, time 4.9ms, mfu 8.9%\niter 20: loss 3.5, time 4.9ms, mfu 8.9%\n"
        "step 20: train loss 3.4, val loss 3.6\niter 30: loss 3.1, time 4.9ms, mfu 8.9%\n",
        [(0, 4.25), (10, 3.9), (20, 3.5), (30, 3.1)],
        [(0, 4.3), (20, 3.6)],
    ),
    "llm.c, its own log": Made(
        "s:0 tel:11.0\ns:0 trl:10.9 lr:0.1 norm:15.4\ns:1 trl:10.7 lr:0.2 norm:15.2\ns:2 tel:10.5\n"
        "s:2 trl:10.4 lr:0.3 norm:14.8\n",
        [(0, 10.9), (1, 10.7), (2, 10.4)],
        [(0, 11.0), (2, 10.5)],
        0.1,
    ),
    "epoch lines": Made(
        "Epoch 1: Train Loss: 0.9, Val Loss: 1.0\nEpoch 2: Train Loss: 0.7, Val Loss: 0.8\n"
        "Epoch 3: Train Loss: 0.6, Val Loss: nan\n",
        [(1, 0.9), (2, 0.7), (3, 0.6)],
        [(1, 1.0), (2, 0.8), (3, math.nan)],
    ),
    "pytorch mnist": Made(
        "Train Epoch: 1 [0/600 (0%)]\tLoss: 2.3\nTrain Epoch: 1 [320/600 (53%)]\tLoss: 1.9\n\n"
        "Test set: Average loss: 0.8, Accuracy: 90/100 (90%)\n\n"
        "Train Epoch: 2 [0/600 (0%)]\tLoss: 1.5\nTrain Epoch: 2 [320/600 (53%)]\tLoss: 1.1\n\n"
        "Test set: Average loss: 0.6, Accuracy: 95/100 (95%)\n",
        [(0, 2.3), (320, 1.9), (321, 1.5), (641, 1.1)],
        [(320, 0.8), (641, 0.6)],
    ),
    "pytorch imagenet": Made(
        "Epoch: [0][ 10/50]\tTime  0.5 ( 1.2)\tLoss 6.9e+00 (6.95e+00)\tAcc@1   0.00 (  0.1)\n"
        "Epoch: [0][ 20/50]\tTime  0.4 ( 1.0)\tLoss 6.5e+00 (6.80e+00)\tAcc@1   1.50 (  0.9)\n"
        "Test: [ 0/9]\tTime  0.4 ( 1.0)\tLoss 6.2e+00 (6.20e+00)\tAcc@1   2.00 (  2.0)\n"
        "Test: [ 8/9]\tTime  0.4 ( 1.0)\tLoss 6.1e+00 (6.15e+00)\tAcc@1   2.00 (  2.0)\n"
        "Epoch: [1][ 10/50]\tTime  0.5 ( 1.2)\tLoss 6.0e+00 (6.05e+00)\tAcc@1   3.00 (  2.1)\n"
        "Test: [ 0/9]\tTime  0.4 ( 1.0)\tLoss 5.2e+00 (5.20e+00)\tAcc@1   2.00 (  2.0)\n"
        "Test: [ 8/9]\tTime  0.4 ( 1.0)\tLoss 5.1e+00 (5.15e+00)\tAcc@1   2.00 (  2.0)\n",
        [(10, 6.9), (20, 6.5), (30, 6.0)],
        [(20, 6.1), (30, 5.1)],
    ),
    "cyclegan": Made(
        "================ Training Loss (Mon Jan  1 12:00:00 2024) ================\n"
        "(epoch: 1, iters: 100, time: 0.512, data: 0.290) loss_D: 0.240 loss_G: 0.449 loss_cycle: 1.082 \n"
        "(epoch: 1, iters: 200, time: 0.412, data: 0.190) loss_D: 0.220 loss_G: 0.549 loss_cycle: 0.982 \n"
        "(epoch: 2, iters: 100, time: 0.312, data: 0.190) loss_D: 0.210 loss_G: 0.649 loss_cycle: 0.882 \n",
        [(100, 1.082), (200, 0.982), (300, 0.882)],
    ),
    "transformers": Made(
        "{'loss': 2.5, 'grad_norm': 1.1, 'learning_rate': 5e-05, 'epoch': 0.5}\r\n"
        " 50%|█████     | 10/20 [00:05<00:05,  2.00it/s]\n"
        "{'loss': '2.1', 'grad_norm': '1.0', 'learning_rate': '4e-05', 'epoch': '1.0'}\n"
        "{'eval_loss': 2.2, 'eval_runtime': 1.2, 'epoch': 1.0}\n"
        "100%|██████████| 20/20 [00:10<00:00,  2.00it/s]\n"
        "{'loss': 1.9, 'grad_norm': 0.9, 'learning_rate': 3e-05, 'epoch': 2.0}\n"
        "{'eval_loss': 2.0, 'eval_runtime': 1.2, 'epoch': 2.0}\n",
        [(0, 2.5), (10, 2.1), (20, 1.9)],
        [(10, 2.2), (20, 2.0)],
        5e-05,
    ),
    "paddle": Made(
        "[2024/01/01 12:00:00] ppcls INFO: [Train][Epoch 1/2][Iter: 0/20]lr: 0.1, CELoss: 3.0, loss: 3.0, batch_cost: 0.5s\n"
        "[2024/01/01 12:00:05] ppcls INFO: [Train][Epoch 1/2][Iter: 10/20]lr: 0.1, CELoss: 2.5, loss: 2.5, batch_cost: 0.5s\n"
        "[2024/01/01 12:00:09] ppcls INFO: [Eval][Epoch 1][best metric: 0.5]CELoss: 2.6, loss: 2.6, top1: 0.4\n"
        "[2024/01/01 12:00:10] ppcls INFO: [Train][Epoch 2/2][Iter: 0/20]lr: 0.1, CELoss: 2.2, loss: 2.2, batch_cost: 0.5s\n"
        "[2024/01/01 12:00:15] ppcls INFO: [Train][Epoch 2/2][Iter: 10/20]lr: 0.1, CELoss: 2.0, loss: 2.0, batch_cost: 0.5s\n"
        "[2024/01/01 12:00:19] ppcls INFO: [Eval][Epoch 2][best metric: 0.5]CELoss: 2.1, loss: 2.1, top1: 0.6\n",
        [(0, 3.0), (10, 2.5), (11, 2.2), (21, 2.0)],
        [(10, 2.6), (21, 2.1)],
        0.1,
    ),
    "tqdm": Made(
        "Epoch 1/3:   0%|          | 0/9 [00:00<?, ?it/s]\rEpoch 1/3:  33%|███▎      | 3/9 [00:01<00:02, 3.0it/s, loss=2.5]"
        "\rEpoch 1/3: 100%|██████████| 9/9 [00:03<00:00, 3.0it/s, loss=2]\n"
        "Epoch 2/3:  33%|███▎      | 3/9 [00:01<00:02, 3.0it/s, loss=1.8]"
        "\rEpoch 2/3: 100%|██████████| 9/9 [00:03<00:00, 3.0it/s, loss=1.5]\n",
        [(3, 2.5), (9, 2.0), (12, 1.8), (18, 1.5)],
    ),
    "keras": Made(
        "".join(
            f"Epoch {at}/9\n" + "5/9 [=====>....] - ETA: 1s - loss: 9.5\b\b\b\b\b\b"
            f"9/9 [==========] - 5s 50ms/step - loss: {3 - at / 9:.4f} - val_loss: {3.5 - at / 9:.4f}\n"
            for at in range(1, 10)
        ),
        [(at, round(3 - at / 9, 4)) for at in range(1, 10)],
        [(at, round(3.5 - at / 9, 4)) for at in range(1, 10)],
    ),
    "keras 3": Made(
        "Epoch 1/2\n\x1b[1m9/9\x1b[0m \x1b[32m━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m5s\x1b[0m 50ms/step - loss: 2.5\n"
        "Epoch 2/2\n\x1b[1m9/9\x1b[0m \x1b[32m━━━━━━━━━━\x1b[0m\x1b[37m\x1b[0m \x1b[1m5s\x1b[0m 48ms/step - loss: 2.1\n",
        [(1, 2.5), (2, 2.1)],
    ),
    "fairseq": Made(
        "2024-01-01 12:00:00 | INFO | train_inner | epoch 001:    100 / 372 loss=11.9, nll_loss=11.5, ppl=2987.5, "
        "wps=12345, num_updates=100, lr=1.25e-05, gnorm=2.5\n"
        "2024-01-01 12:00:10 | INFO | train_inner | epoch 001:    200 / 372 loss=10.9, nll_loss=10.5, ppl=1487.5, "
        "wps=12345, num_updates=200, lr=2.5e-05, gnorm=2.1\n"
        "2024-01-01 12:00:20 | INFO | valid | epoch 001 | valid on 'valid' subset | loss 10.1 | nll_loss 9.7 | ppl 800 | "
        "num_updates 372 | best_loss 10.1\n"
        "2024-01-01 12:00:30 | INFO | train_inner | epoch 002:     28 / 372 loss=9.9, nll_loss=9.5, ppl=787.5, "
        "wps=12345, num_updates=400, lr=5e-05, gnorm=1.9\n"
        "2024-01-01 12:00:40 | INFO | valid | epoch 002 | valid on 'valid' subset | loss 9.1 | nll_loss 8.7 | ppl 400 | "
        "num_updates 744 | best_loss 9.1\n",
        [(100, 11.9), (200, 10.9), (400, 9.9)],
        [(372, 10.1), (744, 9.1)],
        1.25e-05,
    ),
    "opennmt": Made(
        "[2024-01-01 12:00:00,123 INFO] Step 50/1000; acc:   3.5; ppl: 12345.6; xent: 9.4; lr: 0.00001; 1234/5678 tok/s;  10 sec\n"
        "[2024-01-01 12:00:10,123 INFO] Step 100/1000; acc:  13.5; ppl: 2345.6; xent: 7.8; lr: 0.00002; 1234/5678 tok/s;  20 sec\n"
        "[2024-01-01 12:00:20,123 INFO] Step 150/1000; acc:  23.5; ppl: 345.6; xent: 5.8; lr: 0.00003; 999/5678 tok/s;  30 sec\n",
        [(50, 9.4), (100, 7.8), (150, 5.8)],
        lr=1e-05,
    ),
    "espnet": Made(
        "[host] 2024-01-01 12:00:00,000 (trainer:732) INFO: 1epoch:train:1-100batch: iter_time=0.1, loss_ctc=300.1, "
        "loss_att=100.5, loss=160.4, acc=0.1, optim0_lr0=1e-05\n"
        "[host] 2024-01-01 12:01:00,000 (trainer:732) INFO: 1epoch:train:101-200batch: iter_time=0.1, loss_ctc=200.1, "
        "loss_att=90.5, loss=123.4, acc=0.2, optim0_lr0=2e-05\n"
        "[host] 2024-01-01 12:02:00,000 (trainer:732) INFO: 1epoch:train:201-300batch: iter_time=0.1, loss_ctc=100.1, "
        "loss_att=80.5, loss=86.4, acc=0.3, optim0_lr0=3e-05\n",
        [(1, 160.4), (2, 123.4), (3, 86.4)],
        lr=1e-05,
    ),
    "llm.c": Made(
        "val loss 11.01\n"
        "step    1/188 | loss 11.009 (+nanz)| norm 15.3 (+nanz)| lr 1.0e-6 | 3100 ms | 45.1% bf16 MFU | 169113 tok/s\n"
        "step    2/188 | loss 10.959 (-0.1z)| norm 14.3 (+0.2z)| lr 2.0e-6 | 3100 ms | 45.1% bf16 MFU | 169113 tok/s\n"
        "val loss 10.9\n"
        "step    3/188 | loss 10.859 (-0.4z)| norm 13.3 (+0.1z)| lr 3.0e-6 | 3100 ms | 45.1% bf16 MFU | 169113 tok/s\n",
        [(1, 11.009), (2, 10.959), (3, 10.859)],
        [(0, 11.01), (2, 10.9)],
        1e-6,
    ),
    "torchtitan": Made(
        "[rank0]:[titan] 2024-01-01 12:00:01,123 - root - INFO - \x1b[31mstep:  1  \x1b[32mloss: 12.25  "
        "\x1b[33mmemory: 30.1GiB(32.1%)  \x1b[34mtps: 1,234  \x1b[35mmfu: 45.1%\x1b[39m\n"
        "[rank0]:[titan] 2024-01-01 12:00:09,123 - root - INFO - \x1b[31mstep: 10  \x1b[32mloss: 10.52  "
        "\x1b[33mmemory: 30.1GiB(32.1%)  \x1b[34mtps: 11,234  \x1b[35mmfu: 45.1%\x1b[39m\n",
        [(1, 12.25), (10, 10.52)],
    ),
    "darknet": Made(
        " 1: 1234.5, 1234.5 avg loss, 0.000001 rate, 3.1 seconds, 64 images\nLoaded: 0.00003 seconds\n"
        " 2: 1034.5, 1214.5 avg loss, 0.000002 rate, 3.1 seconds, 128 images\nLoaded: 0.00003 seconds\n"
        " 3: 834.5, 1174.5 avg loss, 0.000003 rate, 3.1 seconds, 192 images\nLoaded: 0.00003 seconds\n",
        [(1, 1234.5), (2, 1214.5), (3, 1174.5)],
    ),
    "ultralytics": Made(
        "".join(
            "\n      Epoch    GPU_mem   box_loss   cls_loss   dfl_loss  Instances       Size\n"
            f"        {at}/9       3.2G     {2 - at / 9:.3f}     {4 - at / 8}     1.125        100        640: 100%|██████████| 16/16 "
            "[00:05<00:00,  3.1it/s]\n"
            "                 Class     Images  Instances      Box(P          R      mAP50  mAP50-95): 100%|██████████| 4/4 "
            "[00:01<00:00,  4.0it/s]\n"
            "                   all        128        929      0.64      0.537      0.605      0.446\n"
            for at in range(1, 10)
        ),
        [(at, round(2 - at / 9, 3)) for at in range(1, 10)],
    ),
    "mmdetection": Made(
        "2024-01-01 12:00:00,123 - mmdet - INFO - Epoch [1][50/73]\tlr: 1.978e-03, eta: 1 day, 0:00:00, time: 0.5, "
        "data_time: 0.05, memory: 3000, loss_cls: 0.6, loss_bbox: 0.4, loss: 1.0\n"
        "2024-01-01 12:01:00,123 - mmdet - INFO - Epoch [2][50/73]\tlr: 1.978e-03, eta: 23:00:00, time: 0.5, "
        "data_time: 0.05, memory: 3000, loss_cls: 0.5, loss_bbox: 0.4, loss: 0.9\n"
        "2024-01-01 12:01:00,123 - mmdet - INFO - Epoch [3][50/73]\tlr: 1.978e-03, eta: 22:00:00, time: 0.5, "
        "data_time: 0.05, memory: 3000, loss_cls: 0.5, loss_bbox: 0.3, loss: 0.8\n",
        [(1, 1.0), (2, 0.9), (3, 0.8)],
        lr=1.978e-03,
    ),
    "detectron2": Made(
        "[01/01 12:00:00 d2.utils.events]:  eta: 1:00:00  iter: 19  total_loss: 1.25  loss_cls: 0.5  loss_box: 0.75  lr: 0.001\n"
        "[01/01 12:00:09 d2.utils.events]:  eta: 0:59:00  iter: 39  total_loss: 1.125  loss_cls: 0.5  loss_box: 0.625  lr: 0.001\n",
        [(19, 1.25), (39, 1.125)],
        lr=0.001,
    ),
    "word language model": Made(
        "| epoch   1 |   200/ 983 batches | lr 20.00 | ms/batch 10.1 | loss  7.6 | ppl  2000.1\n"
        "| epoch   1 |   400/ 983 batches | lr 20.00 | ms/batch 10.1 | loss  6.6 | ppl   735.1\n"
        "-----------------------------------------------------------------------------------------\n"
        "| end of epoch   1 | time: 30.1s | valid loss  6.0 | valid ppl   403.4\n"
        "| epoch   2 |   200/ 983 batches | lr 20.00 | ms/batch 10.1 | loss  5.6 | ppl   270.4\n"
        "| end of epoch   2 | time: 30.1s | valid loss  5.5 | valid ppl   244.7\n",
        [(200, 7.6), (400, 6.6), (600, 5.6)],
        [(400, 6.0), (600, 5.5)],
        20.0,
    ),
    "megatron": Made(
        " iteration      100/  500000 | consumed samples:        25600 | elapsed time per iteration (ms): 1200.1 | learning rate: "
        "1.0E-05 | lm loss: 9.1E+00 | loss scale: 65536.0 | grad norm: 1.2 | number of nan iterations:   0 |\n"
        " iteration      200/  500000 | consumed samples:        51200 | elapsed time per iteration (ms): 1200.1 | learning rate: "
        "2.0E-05 | lm loss: 8.1E+00 | loss scale: 65536.0 | grad norm: 1.1 | number of nan iterations:   0 |\n"
        "------------------------------------------------------------------------------------------------\n"
        " validation loss at iteration 200 | lm loss value: 8.2E+00 | lm loss PPL: 3.6E+03 |\n"
        " iteration      300/  500000 | consumed samples:        76800 | elapsed time per iteration (ms): 1200.1 | learning rate: "
        "3.0E-05 | lm loss: 7.1E+00 | loss scale: 65536.0 | grad norm: 1.0 | number of nan iterations:   0 |\n"
        " validation loss at iteration 300 | lm loss value: 7.2E+00 | lm loss PPL: 1.3E+03 |\n",
        [(100, 9.1), (200, 8.1), (300, 7.1)],
        [(200, 8.2), (300, 7.2)],
        1e-05,
    ),
    "xgboost": Made(
        "[0]\ttrain-logloss:0.65\teval-logloss:0.66\n[1]\ttrain-logloss:0.6\teval-logloss:0.62\n",
        [(0, 0.65), (1, 0.6)],
        [(0, 0.66), (1, 0.62)],
    ),
    "tensorflow": Made(
        "INFO:tensorflow:loss = 2.5, step = 0\nINFO:tensorflow:global_step/sec: 81.2\n"
        "INFO:tensorflow:loss = 1.5, step = 100 (1.234 sec)\nINFO:tensorflow:global_step/sec: 80.2\n"
        "INFO:tensorflow:loss = 1.25, step = 200 (1.234 sec)\n",
        [(0, 2.5), (100, 1.5), (200, 1.25)],
    ),
    "caffe": Made(
        "I0101 12:00:00.123456 1234 solver.cpp:228] Iteration 100 (5.3 iter/s, 18.8s/100 iters), loss = 0.5\n"
        "I0101 12:00:00.123456 1234 solver.cpp:244]     Train net output #0: softmax = 0.5 (* 1 = 0.5 loss)\n"
        "I0101 12:00:20.123456 1234 solver.cpp:228] Iteration 200 (5.3 iter/s, 18.8s/100 iters), loss = 0.4\n"
        "I0101 12:00:20.123456 1234 solver.cpp:244]     Train net output #0: softmax = 0.4 (* 1 = 0.4 loss)\n",
        [(100, 0.5), (200, 0.4)],
    ),
    "marian": Made(
        "[2024-01-01 12:00:00] Ep. 1 : Up. 1000 : Sen. 48,000 : Cost 7.1 : Time 30.1s : 1234.5 words/s : L.r. 1.0e-4\n"
        "[2024-01-01 12:01:00] Ep. 1 : Up. 2000 : Sen. 96,000 : Cost 6.1 : Time 30.1s : 1234.5 words/s : L.r. 2.0e-4\n",
        [(1000, 7.1), (2000, 6.1)],
        lr=1e-4,
    ),
    "pytorch tutorial": Made(
        "[1,  2000] loss: 2.199\n[1,  4000] loss: 1.85\n[2,  2000] loss: 1.4\n[2,  4000] loss: 1.3\nFinished Training\n",
        [(2000, 2.199), (4000, 1.85), (6000, 1.4), (8000, 1.3)],
    ),
    "bars between names": Made(
        "Epoch 0 Step 0 | train/loss 2.5 | val/loss 2.75\nEpoch 0 Step 1 | train/loss 2.25 | val/loss 2.5\n"
        "Epoch 1 Step 2 | train/loss 2.0 | val/loss 2.25\n",
        [(0, 2.5), (1, 2.25), (2, 2.0)],
        [(0, 2.75), (1, 2.5), (2, 2.25)],
    ),
    "a sentence": Made(
        "Cost after iteration 0: 0.693\nCost after iteration 100: 0.585\nCost after iteration 200: 0.467\n",
        [(0, 0.693), (100, 0.585), (200, 0.467)],
    ),
    "deeplearning4j": Made(
        "12:00:00.123 [main] INFO o.d.o.l.ScoreIterationListener - Score at iteration 100 is 0.7838790753\n"
        "12:01:00.123 [main] INFO o.d.o.l.ScoreIterationListener - Score at iteration 200 is 0.5126515997\n",
        [(100, 0.7838790753), (200, 0.5126515997)],
    ),
    "a table with a head": Made(
        "Loading data\nepoch     train_loss  valid_loss  accuracy  time    \n"
        "0         0.52        0.55        0.80      00:15     \n1         0.42        0.45        0.85      00:15     \n"
        "Better model found at epoch 1 with valid_loss value: 0.45\n2         0.32        0.40        0.88      00:15     \n",
        [(0, 0.52), (1, 0.42), (2, 0.32)],
        [(0, 0.55), (1, 0.45), (2, 0.4)],
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_loop_printed(tmp_path: Path, kind: str) -> None:
    made = KINDS[kind]
    found = records(write(tmp_path / "train.log", made.text))
    assert series(found, "loss/total") == made.loss
    validation = series(found, "val/loss/total")
    assert [step for step, _ in validation] == [step for step, _ in made.validation]
    assert [value for _, value in validation] == pytest.approx([value for _, value in made.validation], nan_ok=True)
    rates = series(found, "lr")
    assert (rates[0][1] if rates else None) == made.lr
