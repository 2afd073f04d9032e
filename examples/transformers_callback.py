"""A Hugging Face Trainer, watched by aurl: one callback.

python examples/transformers_callback.py
aurl runs outputs
"""

from __future__ import annotations

import sys
from tempfile import TemporaryDirectory

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

from aurl.integrations.transformers import AurlCallback

path = sys.argv[1] if len(sys.argv) > 1 else "outputs/transformers"
torch.manual_seed(1)
scales = [[(start + 2 * note) % 32 for note in range(24)] for start in range(32)]
data = [{"input_ids": torch.tensor(scale), "labels": torch.tensor(scale)} for scale in scales]
model = GPT2LMHeadModel(GPT2Config(vocab_size=32, n_positions=32, n_embd=32, n_layer=1, n_head=2))
with TemporaryDirectory() as folder:
    arguments = TrainingArguments(
        output_dir=folder,
        max_steps=40,
        per_device_train_batch_size=8,
        learning_rate=1e-2,
        logging_steps=1,  # aurl sees what the Trainer logs
        eval_strategy="steps",
        eval_steps=20,
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    callback = AurlCallback(path, logging=["console", "tensorboard"])
    Trainer(model, arguments, train_dataset=data, eval_dataset=data, callbacks=[callback]).train()
