import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { gpuTest } from "../kernels/testing/testing.ts";
import { modelNames } from "../src/models/model_config.ts";
import { policyNames } from "../src/storage/policies.ts";
import { publicNames } from "./command_line.ts";
import { badInputs } from "./testing/bad_inputs.ts";
import { endOf } from "./testing/command_end.ts";

/** A command line, in which F/ is the folder of `badInputs`; the exit code; part of the one sentence, which names the remedy. */
type Row = [line: string | string[], code: 1 | 2, sentence: string];

const reports = "reports/2026-11-28-nvidia-h200";

const commands: Row[] = [
  ["", 2, `Give a command: ${publicNames.join(", ")}`],
  ["bnch", 2, 'Unknown command "bnch"; did you mean "bench"?'],
  ["trian", 2, 'did you mean "train"?'],
  ["verfy F", 2, 'did you mean "verify"?'],
  ["BENCH", 2, 'did you mean "bench"?'],
  ["frobnicate a b", 2, 'Unknown command "frobnicate"; known: bench, train'],
  ["compare F", 2, "Expected a `FOLDER`"],
  ["compare F --max-slowdwn 3%", 2, 'did you mean "--max-slowdown"?'],
  ["compare F F --form csv", 2, 'Unknown form "csv"; known: markdown, json, customBiggerIsBetter'],
  ["merge F", 2, "`--out`"],
  ["merge --out F/out", 2, "Expected a `FOLDER`: give the reports of a sweep's shards"],
  ["headroom bench", 2, 'Unknown command "headroom"; known: bench'],
  ["--polcy exact", 2, 'Unknown command "--polcy"'],
  ["bench --polcy exact", 2, 'did you mean "--policy"?'],
  ["bench --polcy=exact", 2, 'did you mean "--policy"?'],
  ["train --stesp 3", 2, 'did you mean "--steps"?'],
  ["train --learning_rate 1", 2, 'did you mean "--learning-rate"?'],
  ["plan --polices exact", 2, 'did you mean "--policy"?'],
  ["kernels --prnt x", 2, 'did you mean "--print"?'],
  ["verify F --polcy exact", 2, 'did you mean "--policy"?'],
  ["doctor --verbose", 2, 'Unknown option of doctor "--verbose"; known: --require-gpu, --runtime, --json'],
  ["check --verbose", 2, 'Unknown option of check "--verbose"; known: --json'],
  ["schema --verbose", 2, 'schema has no options; leave out "--verbose"'],
  ["schema", 2, "Expected a `SCHEMA`"],
  ["schema polcy", 2, 'Unknown schema "polcy"; did you mean "policy"?'],
  ["plan --frobnicate", 2, "known: --model, "],
  ["verify F --runtime dwan", 2, 'Unknown runtime "dwan"; did you mean "dawn"?'],
  ["bench --runtime wgpu", 2, 'Unknown runtime "wgpu"; known: native, dawn'],
  ["bench --arithmetic bf16", 2, 'Unknown arithmetic "bf16"; did you mean "f16"?'],
  ["train --moments 8bits", 2, 'Unknown format "8bits"; did you mean "8bit"?'],
  ["bench kernels --moments bf16", 1, "--moments does nothing with bench kernels; leave one of them out"],
  ["train --parameters f8", 2, 'Unknown format "f8"; known: f32, bf16, f16'],
  ["train --update late", 2, 'Unknown update "late"; known: step, backward'],
  ["plan --clip-by norm", 2, 'Unknown norm "norm"; known: step, last'],
  ["plan --update backward", 1, "are not all known yet; give --clip-by last, or --clip 0"],
  ["train --update backward --steps 1", 1, "are not all known yet; give --clip-by last, or --clip 0"],
  ["train --clip 0 --clip-by last", 1, "--clip-by does nothing with --clip 0; leave one of them out"],
  ["plan --update backward --clip-by last --accumulate 2", 1, "--accumulate adds gradients up; leave one of"],
  [
    "bench --model nano --update backward --clip-by last --quality-steps 2 --gradient-every 1",
    1,
    "--gradient-every compares gradients, of which none outlives its update in backward; give --gradient-every 0",
  ],
  ["bench kernels --update backward", 1, "--update does nothing with bench kernels; leave one of them out"],
  ["plan --arithmetic f16", 2, 'Unknown option of plan "--arithmetic"'],
  ["kernels --arithmetic f16", 1, "Products in f16 want subgroups that multiply matrices"],
  ["bench --resume F --arithmetic f16", 1, "--arithmetic does nothing with --resume"],
  ["plan --runtime dawn", 2, 'Unknown option of plan "--runtime"'],
  ["bench --resume F --runtime dawn", 1, "--runtime does nothing with --resume"],
  ["plan nano", 2, 'plan takes no argument "nano"'],
  ["train nano", 2, 'train takes no argument "nano"'],
  ["verify", 2, "Expected a `FOLDER`"],
  ["bench parrity", 2, 'Unknown profile "parrity"; did you mean "parity"?'],
  ["bench --profile ablation-bit", 2, 'did you mean "ablation-bits"?'],
  ["bench kernels parity", 2, 'bench takes no argument "parity"'],
  ["kernels --print matmul_nnn", 1, 'did you mean "matmul_nn"?'],
  ["kernels --print frobnicate", 1, "known: embedding_forward"],
  [["plan", "--model", "a\nb"], 2, 'Unknown model "a b"'],
  [["plan", "--model", "\x1b[2Jnano"], 2, 'Unknown model "\\u{1b}[2Jnano"'],
  [["train", "--weights", "\x1b[2J\n"], 1, "Cannot read \\u{1b}[2J\\u{a}: there is no such file"],
];

const numbers: Row[] = [
  ["bench --steps", 2, "`--steps` requires `N`"],
  ["bench --steps 0", 2, '"0" is no whole number in range; give one from 1 to 2147483647'],
  ["bench --steps -1", 2, "give one from 1 to"],
  ["bench --steps 1.5", 2, "give one from 1 to"],
  ["bench --steps 1e3", 2, "give one from 1 to"],
  ["bench --steps 0x10", 2, "give one from 1 to"],
  ["bench --steps ten", 2, "give one from 1 to"],
  ["bench --rounds 2147483648", 2, "give one from 1 to 2147483647"],
  ["bench --seeds 0", 2, "give one from 1 to"],
  ["bench --seed 4294967296", 2, "give one from 0 to 4294967295"],
  ["train --seed -1", 2, "give one from 0 to 4294967295"],
  ["bench --gradient-every -1", 2, "give one from 0 to"],
  ["bench --batch 4,x", 2, '"x" is no whole number in range'],
  ["bench --batch 4,,8", 2, '"" is no whole number in range'],
  ["bench --timeout 2147484", 2, "give one from 1 to 2147483"],
  ["bench --timeout 0", 2, "give one from 1 to 2147483"],
  ["compare F F --max-slowdown 3", 2, '"3" is no percentage; give a number and %, as in 3%'],
  ["compare F F --tolerance -1%", 2, "is no percentage"],
  ["bench --shard 5/4", 2, '"5/4" is no shard; give its number, from 1, and how many there are, as in 2/4'],
  ["bench --shard 0/4", 2, "is no shard"],
  ["bench --shard 2", 2, "is no shard"],
  ["bench --memory 8GB", 2, '"8GB" is no size; give a number and a unit, as in 8GiB'],
  ["bench --memory 8", 2, "is no size"],
  ["bench --memory 0GiB", 2, "is no size"],
  ["bench --memory 9999TiB", 2, "is no size"],
  ["bench --precision 0.5", 2, '"0.5" is no percentage; give one below 100%, as in 0.5%'],
  ["bench --precision 100%", 2, "is no percentage"],
  ["bench --precision 1% --max-time 5", 2, '"5" is no time; give a number and s, min or h, as in 5min'],
  ["bench --precision 1% --rounds 6", 1, "leave --rounds out, or give more"],
  ["bench --rounds 3 --max-time 5min", 1, "does nothing where --rounds are fixed; give --precision, too"],
  ["bench kernels --precision 1%", 1, "--precision does nothing with bench kernels; leave one of them out"],
  ["bench --accumulate 0", 2, '"0" is no whole number in range; give one from 1 to 1024'],
  ["train --accumulate 1025", 2, "give one from 1 to 1024"],
  ["bench --profile-step --accumulate 2", 1, "--accumulate does nothing with --profile-step; leave one of"],
  ["bench kernels --accumulate 2", 1, "--accumulate does nothing with bench kernels; leave one of them out"],
  ["plan --batch 4294967296", 2, "give one from 1 to 2147483647"],
  ["plan --model xl --batch 9007199254740991", 2, "give one from 1 to 2147483647"],
  ["train --learning-rate -1", 2, "give 0 or a number from 1e-45 to 3.4e38"],
  ["train --learning-rate Infinity", 2, "give 0 or a number from 1e-45 to 3.4e38"],
  ["train --learning-rate 1e39", 2, "give 0 or a number from 1e-45 to 3.4e38"],
  ["train --learning-rate 1e-50", 2, "give 0 or a number from 1e-45 to 3.4e38"],
  ["train --learning-rate fast", 2, "give 0 or a number from 1e-45 to 3.4e38"],
  ["train --weight-decay NaN", 2, "give 0 or a number from 1e-45 to 3.4e38"],
  ["train --weight-decay 1e300", 2, "give 0 or a number from 1e-45 to 3.4e38"],
  ["train --clip -0.5", 2, "give 0 or a number from 1e-45 to 3.4e38"],
  ["train --clip 1e999", 2, "give 0 or a number from 1e-45 to 3.4e38"],
  ["train --temperature -1", 2, "give 0 or a number from 1e-45 to 3.4e38"],
  ["train --label-smoothing 5", 2, '"5" is no share; give a number from 0 to below 1, as in 0.1'],
  ["train --label-smoothing 1", 2, "give a number from 0 to below 1"],
  ["train --label-smoothing -0.1", 2, "give a number from 0 to below 1"],
];

const sizes: Row[] = [
  ["plan --batch 2147483647", 1, "take a --batch of at most 262144"],
  ["plan --model xl --batch 2147483647", 1, "take a --batch of at most 2621"],
  ["plan --model deit-base --batch 2147483647", 1, "take a --batch of at most 28387"],
  ["plan --sequence 2147483647", 1, "use --sequence 1024 or less"],
  ["plan --model F/long.json --sequence 100000000", 1, "take a smaller --sequence"],
  ["plan --model F/vast.json", 1, "more than the 137438953472 that can be planned; give smaller sizes"],
  ["plan --model F/vocabulary.json", 1, "take a smaller --batch or --sequence"],
  ["plan --batch 4 --tokens 512", 1, "--batch and --tokens both tell the size of a step; leave one out"],
  ["plan --tokens 100", 1, "--tokens 100 is no multiple of the 128 tokens of a sequence; give one that is"],
  [
    "plan --tokens 512 --accumulate 3",
    1,
    "--tokens 512 is no multiple of the 384 tokens of a sequence in each of 3 micro-batches; give one that is",
  ],
  ["plan --tokens 0", 2, "give one from 1 to"],
  ["train --batch 100000000", 1, "take a --batch of at most 262144"],
  ["train --sequence 1025", 1, "use --sequence 1024 or less"],
  ["train --model F/vast.json", 1, "give smaller sizes"],
  ["kernels --model F/vast.json", 1, "give smaller sizes"],
];

const words: Row[] = [
  ["bench --policy exact,mesa9", 2, 'Unknown policy "mesa9"; did you mean "mesa8"?'],
  ["bench --policy mesa8,", 2, `Unknown policy ""; known: ${policyNames.join(", ")}`],
  ["bench --model nanno", 2, 'Unknown model "nanno"; did you mean "nano"?'],
  ["train --model deit-tinny", 2, 'did you mean "deit-tiny"?'],
  ["train --model bert", 2, `known: ${modelNames.join(", ")}`],
  ["bench --rounding neerest", 2, 'did you mean "nearest"?'],
  ["bench --ranges lagging", 2, "known: running, current, delayed"],
  ["bench --attention fussed", 2, 'did you mean "fused"?'],
  ["plan --adapter cuda", 2, "known: gpu, software"],
];

const policies: Row[] = [
  ["plan --policy F/none.json", 2, "there is no such file; check the path"],
  ["plan --policy F/none.JSON", 2, "there is no such file; check the path"],
  ["plan --policy exact,F/none.json", 2, "there is no such file; check the path"],
  ["plan --policy F/none/none.json", 2, "there is no such file; check the path"],
  ["plan --policy F/text.txt/a.json", 2, "a part of the path is a file, not a folder; check the path"],
  ["plan --policy F/folder.json", 2, "it is a folder; give the path of a file"],
  ["plan --policy F/pipe.json", 2, "it is a device, a pipe or a socket; give the path of a file to read"],
  ["plan --policy F/huge.json", 2, "more than the 1048576 of any document; check the path"],
  ["plan --policy F/latin1.json", 2, "it is not UTF-8; save it in that encoding"],
  ["plan --policy F/utf16.json", 2, "it is not UTF-8; save it in that encoding"],
  ["plan --policy F/empty.json", 2, "at line 1, column 1 the end stands where a value should; mend it there"],
  ["plan --policy F/comma.json", 2, 'at line 3, column 1 "}" stands where a field\'s name'],
  ["plan --policy F/comment.json", 2, 'at line 1, column 1 "/" stands where a value should'],
  ["plan --policy F/nan.json", 2, 'at line 1, column 26 "N" stands where a value should'],
  ["plan --policy F/twice.json", 2, 'at line 2, column 2 the field "bits" is given a second time'],
  ["plan --policy F/deep.json", 2, "more than 100 brackets are open"],
  ["plan --policy F/list.json", 2, "must be a JSON object"],
  ["plan --policy F/nameless.json", 2, "name must be given"],
  ["plan --policy F/number-name.json", 2, "name must be given"],
  ["plan --policy F/html.json", 2, "name must be at most 80 characters"],
  ["plan --policy F/escape.json", 2, "have no control characters"],
  ["plan --policy F/exact.json", 2, "is a preset's, and this policy is another; give it a name of its own"],
  ["plan --policy F/Exact.json", 2, "is a preset's, and this policy is another; give it a name of its own"],
  ["plan --policy F/unknown-field.json", 2, 'unknown field "roundng"; did you mean "rounding"?'],
  ["plan --policy F/prototype.json", 2, 'unknown field "__proto__"; known fields are name'],
  ["plan --policy F/bits3.json", 2, "bits must be 32, 16, 8, 4 or 2"],
  ["plan --policy F/bits-text.json", 2, "bits must be 32, 16, 8, 4 or 2"],
  ["plan --policy F/lambda.json", 2, "lambda must be a number from 0 to below 1"],
  ["plan --policy F/grouping.json", 2, 'grouping must be "tensor", "head", "token"'],
  ["plan --policy F/channels.json", 1, "give a divisor of them"],
  ["plan --policy F/rules-object.json", 2, "rules must be a list of rules"],
  ["plan --policy F/many-rules.json", 2, "rules must be at most 256 rules"],
  ["plan --policy F/kinds.json", 2, 'must be "linear", "layer_norm"'],
  ["plan --policy F/kinds-twice.json", 2, "must be a list that names each kind once"],
  ["plan --policy F/backwards.json", 2, "must be [first, last] with first ≤ last"],
  ["plan --policy F/pieces.json", 2, "mini_sequences.mlp must be a positive whole number"],
  ["plan --policy F/contradiction.json", 2, 'set "ranges" to "current"'],
  ["plan --policy F/lost.json", 2, "there is no way back but the whole block"],
  ["plan --policy F/by-token.json --ranges delayed", 1, 'set "ranges" to "current"'],
  [
    "plan --policy F/mine.json,F/mine-too.json",
    1,
    'Two policies are called "mine"; give each a name of its own',
  ],
  ["train --policy F/none.json", 2, "there is no such file; check the path"],
  ["kernels --policy F/bits3.json", 2, "bits must be 32, 16, 8, 4 or 2"],
  ["verify F --policy F/bits3.json", 2, "bits must be 32, 16, 8, 4 or 2"],
];

const models: Row[] = [
  ["plan --model F/none.json", 2, "there is no such file; check the path"],
  ["plan --model F/pipe.json", 2, "it is a device, a pipe or a socket"],
  ["plan --model F/latin1.json", 2, "it is not UTF-8; save it in that encoding"],
  ["plan --model F/formless.json", 2, "give one of them to say what it is"],
  ["plan --model F/family.json", 2, 'modelType must be "gpt2", "vit" or "llama"'],
  ["plan --model F/preset.json", 2, `preset must be "${modelNames[0]}"`],
  ["plan --model F/width-text.json", 2, "width must be a positive whole number"],
  ["plan --model F/width-half.json", 2, "width must be a positive whole number"],
  ["plan --model F/layers.json", 2, "layers must be a whole number from 1 to 256"],
  ["plan --model F/epsilon.json", 2, "layerNormEpsilon must be a number from 1e-30 to 1"],
  ["plan --model F/heads.json", 2, "heads do not divide 128 channels; give a number of heads that does"],
  ["plan --model F/wide-heads.json", 2, "wider than the 128 supported; give more heads"],
  ["plan --model F/patch.json", 2, "give a patch that does"],
  ["plan --model F/key-heads.json", 2, "3 heads of keys do not divide 4 heads; give a number that does"],
  ["plan --model F/head-size.json", 2, "give an even number up to it"],
  ["plan --model F/stretched.json", 2, "rotaryScaling.slow is 4, not below fast, 4; give a smaller one"],
  ["plan --model F/stretch.json", 2, "rotaryScaling.slow must be a positive number"],
  ["plan --model F/wdth.json", 2, 'unknown field "wdth"; did you mean "width"?'],
  ["plan --model F/of-vit.json", 2, 'unknown field "vocab"'],
  ["plan --model F/small.json", 2, "is a preset's, and this model is another"],
  ["plan --model F/Small.json", 2, "is a preset's, and this model is another"],
  ["plan --model nano,F/twin.json,F/twin-too.json", 1, 'Two models are called "twin"'],
  ["plan --model nano --sequence 4096", 1, "use --sequence 1024 or less"],
];

const sweeps: Row[] = [
  ["bench --config F/none.json", 2, "there is no such file; check the path"],
  ["bench --config F/pipe.json", 2, "it is a device, a pipe or a socket"],
  ["bench --config F/list.json", 2, "must be a JSON object"],
  ["bench --config F/comma.json", 2, "at line 3, column 1"],
  ["bench --config F/sweep-field.json", 2, 'unknown field "polcy"; did you mean "policy"?'],
  ["bench --config F/sweep-steps.json", 2, "steps must be a whole number from 1 to 2147483647"],
  ["bench --config F/sweep-batch.json", 2, "batch[1] must be a whole number from 1 to 2147483647"],
  ["bench --config F/sweep-model.json", 2, 'Unknown model "nanno"; did you mean "nano"?'],
  ["bench --config F/sweep-policy.json", 2, "this policy: bits must be 32, 16, 8, 4 or 2"],
  [
    "bench --config F/sweep-memory.json",
    2,
    'memory cannot be taken: "8" is no size; give a number and a unit, as in 8GiB',
  ],
  ["bench --config F/sweep-data.json", 2, "data must be a text or a number"],
  ["bench --config F/sweep-tune.json", 2, "no-tune must be true or false"],
  ["bench --config F/sweep-profile.json", 2, 'profile must be "gpu"'],
  ["bench --config F/sweep-both.json", 1, "--batch and --tokens both tell the size of a step; leave one out"],
];

const variants: Row[] = [
  ["plan --variants F/none.json", 1, "there is no such file; check the path"],
  ["plan --variants F/pipe.json", 1, "it is a device, a pipe or a socket"],
  ["plan --variants F/comma.json", 1, "at line 3, column 1"],
  ["plan --variants F/list.json", 1, "give the variants.json of a report's folder"],
  ["plan --variants F/numbers.json", 1, "a must be the name of a variant"],
  ["plan --variants F/foreign.json", 1, "give the file of one with the same models and sizes"],
  ["plan --policy exact --variants F/no-variant.json", 1, 'No variant "none" of'],
  ["train --variants F/foreign.json --no-tune", 1, "--no-tune does nothing with --variants"],
  ["bench --variants F/foreign.json --no-tune", 1, "--no-tune does nothing with --variants"],
];

const idle: Row[] = [
  ["bench --render F --no-tune", 1, "--no-tune does nothing with --render; leave one of them out"],
  ["bench --render F --model nano", 1, "--model does nothing with --render"],
  ["bench --render F --out F/out", 1, "--out does nothing with --render"],
  ["bench parity --render F", 1, "The profile parity does nothing with --render"],
  ["bench --resume F --model nano", 1, "--model does nothing with --resume"],
  ["bench --resume F --render F", 1, "--render does nothing with --resume"],
  ["bench --profile-step --timeout 5", 1, "--timeout does nothing with --profile-step"],
  ["bench kernels --tokens 64", 1, "--tokens does nothing with bench kernels"],
  ["bench --resume F --config F/sweep.json", 1, "--config does nothing with --resume"],
  ["bench kernels --config F/sweep.json", 1, "--steps does nothing with bench kernels"],
  ["bench --profile-step --config F/sweep.json", 1, "--steps does nothing with --profile-step"],
  ["bench --shard 1/2 --against HEAD", 1, "--shard parts a sweep that --against must run as a whole"],
  ["bench kernels --against HEAD", 1, "--against does nothing with bench kernels"],
  ["bench --profile-step --shard 1/2", 1, "--shard does nothing with --profile-step"],
  ["compare F F --json --form customBiggerIsBetter", 1, "are two forms; leave one of them out"],
  ["compare F F", 1, "is no report of bench"],
  ["merge F --out F/out", 1, "is no report of bench"],
  ["bench parity --profile smoke", 1, "The profiles parity and smoke are named; leave one of them out"],
  ["bench kernels --profile smoke", 1, "--profile does nothing with bench kernels"],
  ["bench kernels --timeout 5", 1, "--timeout does nothing with bench kernels"],
  ["bench kernels --data F/text.txt", 1, "--data does nothing with bench kernels"],
  ["bench kernels --seed 3", 1, "--seed does nothing with bench kernels"],
  ["bench kernels --sequence 64", 1, "--sequence does nothing with bench kernels"],
  ["bench kernels --rounding nearest", 1, "--rounding does nothing with bench kernels"],
  ["bench kernels --profile-step", 1, "--profile-step does nothing with bench kernels"],
  ["bench kernels --batch 4,8", 1, "bench kernels takes one --batch; leave the others out"],
  ["bench --profile-step --steps 3", 1, "--steps does nothing with --profile-step"],
  ["bench --profile-step --seeds 3", 1, "--seeds does nothing with --profile-step"],
  ["bench --profile-step --memory 8GiB", 1, "--memory does nothing with --profile-step"],
  [
    "bench --quality-steps 0 --seeds 3",
    1,
    "--seeds does nothing without quality steps; give --quality-steps",
  ],
  ["bench paper --gradient-every 2", 1, "--gradient-every does nothing without quality steps"],
  ["train --sample-tokens 0 --temperature 1", 1, "--temperature does nothing with --sample-tokens 0"],
  ["train --sample-tokens 0 --prompt Once", 1, "--prompt does nothing with --sample-tokens 0"],
  ["train --model vit-nano --data F/text.txt", 1, "--data is for models of texts, which vit-nano is not"],
  ["train --model vit-nano --prompt Once", 1, "--prompt is for models of texts"],
  ["train --model vit-nano --sample-tokens 5", 1, "--sample-tokens is for models of texts"],
  ["train --model vit-nano --temperature 1", 1, "--temperature is for models of texts"],
  ["train --model vit-nano --sequence 64", 1, "--sequence is for models of sequences of any length"],
  ["train --images F", 1, "--images is for models of images, which nano is not; leave it out"],
  ["train --label-smoothing 0.1", 1, "--label-smoothing is for models of images"],
  ["train --heads 4", 1, "--heads belongs to --weights"],
  ["train --model nano --weights F/good.safetensors", 1, "Leave out --model"],
  ["plan --model vit-nano --sequence 64", 1, "--sequence is for models of sequences of any length"],
];

const data: Row[] = [
  ["train --data=", 2, "Path must not be empty"],
  ["train --data F/none.txt", 1, "there is no such file; check the path"],
  ["train --data F", 1, "it is a folder; give the path of a file"],
  ["train --data F/pipe.json", 1, "it is a device, a pipe or a socket"],
  ["train --data /dev/zero", 1, "it is a device, a pipe or a socket"],
  ["train --data F/empty.txt", 1, "is empty; give a longer file with --data"],
  ["train --data F/text.txt", 1, "give a longer file with --data or a smaller --sequence"],
  ["train --data F/short.txt --sequence 100", 1, "The validation split has 50 tokens"],
  ["train --data F/odd.bin", 1, "it is truncated or not 16-bit tokens; copy it again"],
  ["train --data F/ids.bin --sequence 4", 1, "choose a model with a larger one or other data"],
  ["train --data F/cut.bin", 1, "is truncated: it has 40 bytes of llm.c's header of 1024; copy it again"],
  ["train --data F/version.bin", 1, "only version 1 can be read; write the tokens in it"],
  ["train --data F/wide.bin", 1, "only 16-bit tokens can be read; write them so"],
  ["train --data F/count.bin", 1, "its header says 7 tokens and it has 5; copy it again"],
  [
    "train --prompt Ω --model F/words.json --data F/words.bin --sequence 4",
    1,
    "leave it out for a token file",
  ],
  [
    "train --prompt Ω --model F/ascii.json --data F/ascii.txt --sequence 4",
    1,
    "outside the vocabulary of 128; write another",
  ],
  ["train --data F/few-documents", 1, "every tenth is held out; give all of them"],
  ["train --data F/untagged", 1, 'ca05 holds "The", a word without a tag: it is damaged; copy it again'],
  ["bench --model nano --data F/few-documents", 1, "every tenth is held out; give all of them"],
  ["train --model vit-nano --images F/idx-cut", 1, "holds 3 bytes where its header says 3 × 2 × 2"],
  ["train --model vit-nano --images F/idx-magic", 1, "not 00 00 08 03 as IDX does"],
  ["train --model vit-nano --images F/idx-labels", 1, "they belong to different sets; give the files of one"],
  ["train --model vit-nano --images F/idx-part", 1, "train-labels-idx1-ubyte: there is no such file"],
  ["train --model vit-nano --images brown", 1, "brown: there is no such file; check the path"],
  ["train --model nano --images mnist", 1, "--images is for models of images, which nano is not"],
  ["train --model vit-nano --images F/none", 1, "there is no such file; check the path"],
  ["train --model vit-nano --images F/folder.json", 1, "give the folder that the binary archive unpacks to"],
  ["train --model vit-nano --images F/pipe.json", 1, "it is a device, a pipe or a socket"],
  ["train --model vit-nano --images F/empty.txt", 1, "is empty; copy it again"],
  ["train --model vit-nano --images F/text.txt", 1, "it is truncated or of another format; copy it again"],
  ["train --model vit-nano --images F/one.bin", 1, "one of two must be held out; give a longer file"],
  ["train --model vit-nano --images F/label.bin", 1, "is outside CIFAR-10's 10 classes"],
  ["train --model vit-nano --images F/few.bin --batch 4", 1, "give a smaller --batch"],
  ["train --model vit-nano --images F/cifar", 1, "data_batch_2.bin: there is no such file; check the path"],
];

const weights: Row[] = [
  ["train --weights F/none.safetensors", 1, "there is no such file; check the path"],
  ["train --weights F", 1, "it is a folder; give the path of a file"],
  ["train --weights F/pipe.json", 1, "it is a device, a pipe or a socket"],
  ["train --weights F/empty.txt", 1, "fewer than the 8 of the header's length"],
  ["train --weights F/text.txt", 1, "it claims a header of"],
  ["train --weights F/cut.safetensors", 1, "save or copy the file again"],
  ["train --weights F/no-json.safetensors", 1, "is not a JSON object"],
  ["train --weights F/header-list.safetensors", 1, "is not a JSON object"],
  ["train --weights F/entry.safetensors", 1, "needs a dtype, a shape and two data_offsets"],
  ["train --weights F/dtype.safetensors", 1, "has the dtype F8, which cannot be read; save it as one of"],
  ["train --weights F/bytes.safetensors", 1, "takes 4 bytes, not the 8 of its shape [2] in F32"],
  ["train --weights F/overlap.safetensors", 1, 'The tensors "a" and "b"'],
  ["train --weights F/gap.safetensors", 1, "that belong to none"],
  ["train --weights F/past.safetensors", 1, "bytes past its end"],
  ["train --weights F/after.safetensors", 1, "bytes after its last tensor that belong to none"],
  [
    "train --weights F/nobody.safetensors",
    1,
    "is no checkpoint of a GPT-2, a ViT or a Llama; choose another",
  ],
  ["train --weights F/missing.safetensors", 1, "choose the model it was saved from"],
  ["train --weights F/extra.safetensors", 1, "choose the model it was saved from"],
  [
    "train --weights F/shape.safetensors",
    1,
    "has the shape [9], not [8]; choose the model it was saved from",
  ],
  ["train --weights F/whole.safetensors", 1, "holds whole numbers; save it in floating point"],
  ["train --weights F/nan.safetensors", 1, 'The tensor "transformer.ln_f.bias" holds NaN'],
  ["train --weights F/infinite.safetensors", 1, "was saved from a run that diverged; choose another"],
  ["train --weights F/head.safetensors", 1, "only models that tie the two can be loaded"],
  ["train --weights F/headless.safetensors", 1, "say it with --heads"],
  ["train --weights F/headless.safetensors --heads 3", 1, "give another number with --heads"],
  ["train --weights F/good.safetensors --heads 4", 1, "--heads 4 contradicts the 2 heads"],
  ["train --weights F/heads-text.safetensors", 1, "give another number with --heads"],
  ["train --weights F/epsilon.safetensors", 1, "layerNormEpsilon must be a number from 1e-30 to 1"],
  ["train --weights F/epsilon-text.safetensors", 1, "layerNormEpsilon must be a number from 1e-30 to 1"],
  ["train --weights F/good.safetensors --sequence 5", 1, "use --sequence 4 or less"],
  ["train --weights F/no-config.safetensors", 1, "put the config.json that belongs to it beside it"],
  ["train --weights F/strange-rope.safetensors", 1, "which is none of Llama's; choose another checkpoint"],
  ["train --weights F/beside/model.safetensors", 1, "config.json: at line 1, column 2"],
  [
    "train --weights F/other/model.safetensors",
    1,
    "computes something else than GPT-2; choose another checkpoint",
  ],
];

const places: Row[] = [
  ["train --save=", 2, "Path must not be empty"],
  ["train --save F", 1, "it is a folder; give the path of a file"],
  ["train --save F/none/x.safetensors", 1, "its folder does not exist; create it first"],
  ["train --save F/text.txt/x.safetensors", 1, "a part of the path is a file, not a folder"],
  ["train --save /dev/full", 1, "it is a device, a pipe or a socket; give the path of a file to write"],
  ["train --save F/pipe.json", 1, "it is a device, a pipe or a socket; give the path of a file to write"],
  ["verify F --write-grads F/none/x.safetensors", 1, "its folder does not exist; create it first"],
  ["verify F --write-grads /dev/full", 1, "give the path of a file to write"],
  ["bench --render F/none --out /", 2, '"/" is no folder for a report; give one of its own'],
  ["bench --out=", 2, "Path must not be empty"],
  ["bench --render=", 2, "Path must not be empty"],
  ["bench --render F/none", 1, "results.jsonl: there is no such file; check the path"],
  ["bench --resume F/none", 1, "results.jsonl: there is no such file; check the path"],
  ["check F/none", 1, "there is no such file; check the path"],
  ["check", 2, "Expected a `FOLDER`: give a report's"],
  ["report", 2, "Expected a `FOLDER`: give a report's"],
  ["report F/none", 1, "there is no such file; check the path"],
  [
    `report ${reports}/kernels --html F/page.html`,
    1,
    'the kind "kernels", which have no cells; give folders of sweeps',
  ],
  [`report ${reports}/text --html F/none/page.html`, 1, "its folder does not exist; create it first"],
  ["report F --html=", 2, "Path must not be empty"],
  ["report F --html page.html --json", 1, "--json does nothing with --html; leave one of them out"],
  [`report ${reports}/peers-gpt2 --json`, 1, "read its results.jsonl, or leave out --json"],
  ["bench --render F/text.txt", 1, "a part of the path is a file, not a folder; check the path"],
];

/** What is refused only after the adapter is asked, or trained. */
const onAdapter: Row[] = [
  ["bench --quality-steps 1 --seeds 99999999", 1, "take fewer --rounds or --seeds"],
  ["bench --rounds 999999999", 1, "take fewer --rounds or --seeds"],
  ["bench --seed 4294967295 --seeds 3", 1, "take a smaller --seed"],
  ["bench --model F/vast.json", 1, "give smaller sizes"],
  ["bench long --shard 1/2", 1, "so --shard cannot part it; take another profile"],
  ["bench long --against HEAD", 1, "so --against cannot part it; take another profile"],
  ["bench --model nano --batch 1 --shard 2/3", 1, "--shard wants 3 parts; take fewer shards"],
  ["bench --model nano --against HEAD --precision 1% --rounds 3", 1, "leave --rounds out, or give more"],
  ["bench --model nano --against nowhere", 1, '"nowhere" names no commit of this checkout'],
  ["bench --model nano --against HEAD --memory 8GiB", 1, "leave one out"],
  ["bench --batch 2147483647", 1, "take a --batch of at most 262144"],
  ["bench --model nano --images F", 1, "--images is for models of images"],
  ["bench --model nano --data F/none.txt", 1, "there is no such file; check the path"],
  ["bench --model nano --data F/empty.txt", 1, "give a longer file with --data"],
  ["bench --policy F/mine.json,F/mine-too.json", 1, 'Two policies are called "mine"'],
  ["verify F", 1, "expected.json: there is no such file; check the path"],
  ["verify F/none", 1, "expected.json: there is no such file; check the path"],
  ["verify F/text.txt", 1, "a part of the path is a file, not a folder; check the path"],
  ["verify F/case", 1, 'the known model types are "gpt2", "vit" and "llama"'],
  ["train --variants F/foreign.json", 1, "give the file of one with the same models and sizes"],
  [
    `${"train --batch 1 --sequence 16 --warmup 0 --no-tune"} --learning-rate 1e30`,
    1,
    "training has diverged, and nothing is saved",
  ],
  [
    "train --model xl --batch 500 --no-tune",
    1,
    "take a smaller --batch or --sequence, or a --policy that stores less",
  ],
];

const all = {
  commands,
  numbers,
  sizes,
  words,
  policies,
  models,
  sweeps,
  variants,
  idle,
  data,
  weights,
  places,
};

for (const [test, rows] of [[Deno.test, Object.values(all).flat()], [gpuTest, onAdapter]] as const) {
  for (const [line, code, sentence] of rows) {
    const words = typeof line === "string" ? line.split(" ").filter(Boolean) : line;
    test(`A bad input gets one sentence: ${JSON.stringify(words.join(" "))}`, async () => {
      const folder = await badInputs();
      const end = await endOf(words.map((word) => word.replace(/(^|,)F(?=\/|$)/g, `$1${folder}`)));
      const told = end.errors.filter((line) => !/^(Adapter|Note): /.test(line));
      assertEquals(told.length, 1, end.errors.join("\n"));
      assertStringIncludes(told[0], sentence);
      assert(!/\p{Cc}/u.test(told[0]), JSON.stringify(told[0]));
      assert(!/\bbug\b|os error|\.ts:\d|^\s+at /i.test(told[0]), told[0]);
      assertEquals(end.code, code);
    });
  }
}

const ownProcesses: Row[] = [
  ["plan --polcy exact", 2, 'did you mean "--policy"?'],
  ["plan --policy F/pipe.json", 2, "it is a device, a pipe or a socket"],
  ["kernels --print frobnicate", 1, "known: embedding_forward"],
  ["train --data /dev/zero", 1, "it is a device, a pipe or a socket"],
];

for (const [line, code, sentence] of ownProcesses) {
  Deno.test(`A bad input gets one sentence of a process of its own: "${line}"`, async () => {
    const folder = await badInputs();
    const main = new URL("main.ts", import.meta.url).href;
    const words = String(line).split(" ").map((word) => word.replace(/^F(?=\/)/, folder));
    const command = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-check", main, ...words],
      stdin: "null",
    });
    const end = await command.output();
    const [stdout, stderr] = [end.stdout, end.stderr].map((bytes) => new TextDecoder().decode(bytes));
    assertEquals(stdout, "");
    assertEquals(stderr.trim().split("\n").length, 1, stderr);
    assertStringIncludes(stderr, sentence);
    assertEquals(end.code, code);
  });
}

Deno.test("The table of bad inputs has no line twice, and more than two hundred", () => {
  const lines = [...Object.values(all), onAdapter].flat().map(([line]) => String(line));
  assertEquals(new Set(lines).size, lines.length);
  assert(lines.length > 200, `${lines.length} lines`);
});
