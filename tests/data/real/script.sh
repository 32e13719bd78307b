# Bash itself at work: arrays, associative arrays, expansion, functions, subshells, process pipes.
set -euo pipefail
declare -A table
declare -a list
for ((i = 0; i < 20000; i++)); do
    key="k$((i * 7919 % 997))"
    table[$key]="${table[$key]:-}$((i % 10))"
    list+=("${key^^}-${i}")
done
echo "${#table[@]} ${#list[@]} ${table[k5]}"
joined=$(IFS=,; echo "${list[*]}")
echo "${#joined} ${joined: -20}"
replaced=${joined//K1/kay-one}
echo "${#replaced}"
twice() { local -n text=$1; text+=$text; }
word=ab
for ((i = 0; i < 16; i++)); do twice word; done
echo "${#word}"
for ((i = 0; i < 50; i++)); do
    (table[k1]=x; echo "${#table[k1]} $(printf '%s\n' "${list[@]:i:40}" | sort -r | head -n 1)")
done
mapfile -t lines < <(printf '%s\n' "${!table[@]}" | sort)
echo "${lines[0]} ${lines[-1]} ${#lines[@]}"
