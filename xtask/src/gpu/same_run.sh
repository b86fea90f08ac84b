# Trains the embedded model on the CPU and on CUDA device 0 by the program $CURT and compares weights, optimizer and rollouts,
# byte by byte. Prints Markdown.
set -eu
steps=150
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

train() {
    started=$(date +%s%N)
    if ! "$CURT" train --output-dir "$1" --device "$2" --set train.steps=$steps --set eval.enabled=false >"$1.log" 2>&1; then
        tail -n 20 "$1.log" >&2
        exit 1
    fi
    milliseconds=$((($(date +%s%N) - started) / 1000000))
    printf '| `%s` | %d.%03d |\n' "$2" $((milliseconds / 1000)) $((milliseconds % 1000))
}

printf '| %d steps, `--device` | s |\n|---|---|\n' $steps
train cuda cuda:0
train cpu cpu
for file in "checkpoint-$steps/model.safetensors" "checkpoint-$steps/optimizer.state"; do
    cmp "cpu/$file" "cuda/$file" >&2
done
diff -r cpu/rollouts cuda/rollouts >&2
test "$(ls cpu/rollouts | wc -l)" -eq $steps
printf '\nThe weights, the state of the optimizer and the rollouts of all steps have the same bytes. SHA-256 of the weights:\n`%s`.\n' \
    "$(sha256sum "cuda/checkpoint-$steps/model.safetensors" | cut -d ' ' -f 1)"
