"""What a metric can be, and the words by which one tells: a table for `aurl.anomaly.statistics.roles`."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a metric measures, as far as detectors care.

    Looking up a member takes as long as ten other names, so what is looked at in each record is kept in constants.
    """

    LOSS = "loss"
    LOSS_PART = "loss_part"
    VAL_LOSS = "val_loss"
    VAL_PART = "val_part"
    ACCURACY = "accuracy"
    VAL_ACCURACY = "val_accuracy"
    KL = "kl"
    KL_WEIGHT = "kl_weight"
    ACTIVE_UNITS = "active_units"
    GENERATOR_LOSS = "generator_loss"
    DISCRIMINATOR_LOSS = "discriminator_loss"
    DISCRIMINATOR_ACCURACY = "discriminator_accuracy"
    REWARD = "reward"  # of reinforcement learning, as the rest of this group
    EPISODE_LENGTH = "episode_length"
    POLICY_LOSS = "policy_loss"
    VALUE_LOSS = "value_loss"
    ENTROPY = "entropy"
    APPROX_KL = "approx_kl"  # between two policies
    EXPLAINED_VARIANCE = "explained_variance"
    GRAD_NORM = "grad_norm"
    LAYER_RATIO = "layer_ratio"  # gradient norm of the first layer over that of the last
    UPDATE_RATIO = "update_ratio"  # norm of a step's change over the norm of the weights
    DEAD_UNITS = "dead_units"  # share of units that never answer
    LR = "lr"
    LOSS_SCALE = "loss_scale"  # of mixed precision
    STEP_TIME = "step_time"
    DATA_TIME = "data_time"
    DATA_SHARE = "data_share"
    THROUGHPUT = "throughput"
    MEMORY = "memory"
    MEMORY_LIMIT = "memory_limit"
    GPU_PERCENT = "gpu_percent"
    STAGE = "stage"  # of a curriculum: the data or the batch become other ones
    DIVERSITY = "diversity"
    QUALITY = "quality"
    COPIED = "copied"
    STEP = "step"
    EPOCH = "epoch"
    CLOCK = "clock"
    OTHER = "other"

    __hash__ = str.__hash__  # that of enumerations is Python code, and every look-up needs it


_D = r"(d|dis|disc|discr|discrim|discriminator|critic|net ?d)"
_G = r"(g|gen|generator|adv|adversarial|net ?g)"
_TWIN = r"( [a-d]| [xy]| [0-9])?"  # of several pairs: G_A and D_A, G_B and D_B
_PART = r"( real| fake| adv| gan| total)?"
_GAME = r"(loss|losses|cost|objective|err|errs|error)"
_RETURN = r"(rewards?|returns?|rew)"
_LOSS = r"(loss|losses|cost|objective|elbo|energy)"

# The first pattern that is found in the words of a name (lower case, joined by single spaces) decides.
PATTERNS: tuple[tuple[Role, str, str], ...] = (
    (Role.COPIED, "quality/copied_fraction", r"\b(copied|memorized|memorised)( fraction| share| rate)?\b"),
    (Role.DIVERSITY, "sample/diversity", r"\b(diversity|distinct|unique( fraction| samples)?|modes|mode coverage)\b"),
    (Role.QUALITY, "quality/overall", r"\bquality( overall| score)?\b"),
    (
        Role.OTHER,
        "other",
        r"\b(chosen|rejected|margins?|accuracies|std|stddev|min|max)\b.*\brewards?\b"
        r"|\brewards?\b.*\b(chosen|rejected|margins?|accuracies|std|stddev|min|max|loss)\b",
    ),
    (
        Role.APPROX_KL,
        "rl/approx_kl",
        r"\b(approx(imate)? kl|kl approx|policy kl|mean kl|kl (old|ref|policy|coef)|objective kl|kl v1)\b|^approxkl$",
    ),
    (Role.EXPLAINED_VARIANCE, "rl/explained_variance", r"\bexplained (variance|var)\b|\bexplainedvar(iance)?\b|^ev$"),
    (
        Role.EPISODE_LENGTH,
        "rl/episode_length",
        r"\b(ep|eps|episode|episodic) (len|length|lengths|steps)( mean| avg| average)?\b|\bep ?len( mean)?\b"
        r"|\bepisode_?len\b",
    ),
    (
        Role.POLICY_LOSS,
        "rl/policy_loss",
        rf"\b(policy|actor|pg|pi)( gradient| grad)? {_GAME}\b|\b{_GAME} (policy|actor|pg|pi)\b|\bpolicy objective\b",
    ),
    (
        Role.VALUE_LOSS,
        "rl/value_loss",
        rf"\b(value|vf|v|q|qf ?[0-9]*|td|q function)( function)? {_GAME}\b|\b{_GAME} (value|vf|v|q|qf ?[0-9]*|td)\b",
    ),
    (Role.ENTROPY, "rl/entropy", r"(?<!cross )\bentropy\b( loss)?|\bent (loss|coef)\b"),
    (
        Role.REWARD,
        "rl/reward",
        rf"\b{_RETURN}\b(?! (to go|loss|scale|weight))|\bep(isode)? ?rew( ?mean)?\b|\bep ?ret\b"
        r"|\bepisode score\b|\beprewmean\b",
    ),
    (
        Role.STAGE,
        "data/stage",
        r"^(?!.*\bloss\b).*"
        r"\b(curriculum|stage|phase|difficulty|batch size|bs|seq len|(sequence|context) length|resolution|img size)\b",
    ),
    (Role.KL_WEIGHT, "kl/beta", r"\b(kl|kld) (beta|weight|coef|coeff)\b|^beta$|^annealing beta$"),
    (Role.ACTIVE_UNITS, "kl/active_units", r"\bactive (units|dims|dimensions|latents)\b"),
    (Role.KL, "loss/kl", r"\b(kl|kld|kl div|kl divergence)\b"),
    (Role.DISCRIMINATOR_ACCURACY, "gan/d_accuracy", rf"\b{_D} (acc|accuracy)\b"),
    (
        Role.DISCRIMINATOR_LOSS,
        "loss/disc",
        rf"\b{_GAME} {_D}{_TWIN}{_PART}$|\b{_D}{_TWIN}{_PART} {_GAME}\b|^{_D}{_TWIN}{_PART}$"
        rf"|\b{_D}{_TWIN} (real|fake)\b",
    ),
    (
        Role.GENERATOR_LOSS,
        "loss/adv",
        rf"\b{_GAME} {_G}{_TWIN}{_PART}$|\b{_G}{_TWIN}{_PART} {_GAME}\b|^{_G}{_TWIN}{_PART}$"
        rf"|\bgan {_LOSS}\b|\b{_LOSS} gan\b",
    ),
    (Role.LAYER_RATIO, "grad/layer_ratio", r"\bgrad(ient)? (layer )?ratio\b"),
    (Role.GRAD_NORM, "grad/norm", r"\bgrad(ient|ients|s)?( global)?( l2)? norms?\b|\bgnorm\b|\bnorm grad\b"),
    (Role.UPDATE_RATIO, "update/ratio", r"\bupdate( weight)?( to weight)? ratio\b"),
    (Role.DEAD_UNITS, "dead/fraction", r"\bdead( units| relus?| neurons| fraction)?\b"),
    (Role.LR, "lr", r"\b(lr[0-9]*|lrate|learning rate|learningrate)\b"),
    (Role.LOSS_SCALE, "amp/loss_scale", r"\b(loss|grad|amp) scale\b"),
    (Role.DATA_SHARE, "time/data_share", r"\b(data|loader|io) (share|fraction)\b"),
    (
        Role.DATA_TIME,
        "time/data",
        r"\b(data|loader|loading|dataloader|io) time\b|\btime data\b|\bdata wait\b|\breader cost\b",
    ),
    (
        Role.STEP_TIME,
        "time/step",
        r"\b(step|iter|iteration|batch|train batch) (time|duration|seconds|ms|sec|s)\b"
        r"|\btime( per)? (step|iter|iteration|batch)\b|\bbatch cost\b"
        r"|\b(sec|secs|seconds|ms|s) (per )?(step|it|iter|iteration|batch)\b|^dt$|^dt ms$",
    ),
    (
        Role.THROUGHPUT,
        "throughput/samples",
        r"\bthroughput\b|\b(tok|tokens|samples|sequences|images|imgs|examples|it|its|steps|fps|wps|ups|tps)"
        r"( per)? (s|sec|second)\b|^(wps|ups|tps|fps|ips)$",
    ),
    (
        Role.MEMORY_LIMIT,
        "system/ram_total_gb",
        r"\b(mem|memory|ram|gpu|vram)( \w+)? (total|limit|capacity)\b|\btotal (mem|memory|ram)\b",
    ),
    (
        Role.MEMORY,
        "system/ram_gb",
        r"\b(mem|memory|ram|vram|rss)\b|\bgpu used\b|\bcuda (allocated|reserved)\b|\b(max )?allocated (gb|mb|gib)\b",
    ),
    (Role.GPU_PERCENT, "system/gpu_percent", r"\bgpu (percent|util|utilization|utilisation|usage)\b"),
    (
        Role.STEP,
        "step",
        r"^((global|optimizer|trainer|train|training|num|n|total|current|time) )*"
        r"(steps?|time ?steps?|steps? max steps|iter|iters|iterations?|updates?|batch idx|it|episodes?)$",
    ),
    (Role.EPOCH, "epoch", r"^((train|training|current|num) )*epochs?( num| number)?$"),
    (
        Role.CLOCK,
        "clock",
        r"^((wall|elapsed|total|train|training|epoch) )*(time|clock|timestamp|runtime|walltime|elapsed|date|datetime)"
        r"( (s|sec|seconds|ms|hours?|min|minutes?|elapsed|total))*$",
    ),
    (Role.LOSS_PART, "loss/recon", r"\b(recon|reconstruction|rec)\b"),
    (
        Role.LOSS,
        "loss/total",
        rf"\b(total )?{_LOSS}\b|\b\w+loss\b"
        r"|\b(nll|ppl|perplexity|bpc|bpb|cross entropy|xent|ce|bce|mse|rmse|mae|smooth ?l1|objf)\b",
    ),
    (Role.ACCURACY, "accuracy", r"\b(acc|accuracy|top ?1|top1|f1|f1 score|auc|auroc|miou|iou|map|bleu|dice)\b"),
)
PREFIXES: tuple[tuple[str, Role], ...] = (  # aurl's own names, by group
    ("loss/", Role.LOSS_PART),
    ("val/loss/", Role.VAL_PART),
    ("throughput/", Role.THROUGHPUT),
    ("data/", Role.OTHER),
    ("sample/", Role.OTHER),
    ("quality/", Role.OTHER),
    ("gan/", Role.OTHER),
)
# aurl's own names, whole.
OWN: dict[str, Role] = {
    "val/loss/total": Role.VAL_LOSS,
    "val/nll_cell": Role.OTHER,  # the validation loss once more, in another unit
    "val/accuracy": Role.VAL_ACCURACY,
    "loss/kl": Role.KL,
    "grad/norm_disc": Role.OTHER,
    "time/epoch": Role.OTHER,
    "system/gpu_used_gb": Role.MEMORY,
    "system/cuda_allocated_gb": Role.MEMORY,
    "system/cuda_reserved_gb": Role.OTHER,
    "system/gpu_total_gb": Role.MEMORY_LIMIT,
    "system/disk_free_gb": Role.OTHER,
    "system/cpu_percent": Role.OTHER,
    **{name: role for role, name, _ in PATTERNS if role is not Role.OTHER},
}
