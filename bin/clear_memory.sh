#!/usr/bin/env bash
# Deletes one user or everything, after a backup: the short menu, without details of users, around `ingat clear`.
# Options: --lang, --store, --backup-dir, --reason, --stop-cmd, --start-cmd, as `ingat clear` has them.
set -uo pipefail
here=${BASH_SOURCE[0]}
while [ -L "$here" ]; do # called through a symbolic link
    target=$(readlink "$here")
    case $target in /*) here=$target ;; *) here=$(dirname "$here")/$target ;; esac
done
run=$(CDPATH='' cd "$(dirname "$here")" && pwd -P)/run

lang=${INGAT_LANG:-} reason='' stop_cmd='' start_cmd='' answer=''
store=() clear=()
while [ $# -gt 0 ]; do
    case $1 in
        --?*=?*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
        -h | --help)
            sed -n '2,3s/^# //p' "$here"
            exit 0
            ;;
    esac
    if [ $# -lt 2 ]; then
        echo "clear_memory.sh: $1 ? (--lang, --store, --backup-dir, --reason, --stop-cmd, --start-cmd)" >&2
        exit 2
    fi
    case $1 in
        --lang) lang=$2 ;;
        --store) store=(--store "$2") ;;
        --backup-dir) clear+=(--backup-dir "$2") ;;
        --reason) reason=$2 ;;
        --stop-cmd) stop_cmd=$2 ;;
        --start-cmd) start_cmd=$2 ;;
        *)
            echo "clear_memory.sh: $1 ? (--lang, --store, --backup-dir, --reason, --stop-cmd, --start-cmd)" >&2
            exit 2
            ;;
    esac
    shift 2
done

# the language that `ingat` would choose
if [ -z "$lang" ]; then
    for locale in "${LANGUAGE:-}" "${LC_ALL:-}" "${LC_MESSAGES:-}" "${LANG:-}"; do
        if [ -n "$locale" ]; then
            case :$locale: in *:id[_.@:]*) lang=id ;; esac
            break
        fi
    done
fi
case $lang in id | id[_.@-]*) lang=id ;; *) lang=en ;; esac

say() { # ENGLISH INDONESIAN
    if [ "$lang" = id ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi
}

ask() { # ENGLISH INDONESIAN: the line that is typed, in `answer`
    if [ "$lang" = id ]; then printf '%s ' "$2"; else printf '%s ' "$1"; fi
    if ! IFS= read -r answer && [ -z "$answer" ]; then
        say '' ''
        say '❌ The input has ended, so nothing was changed.' '❌ Masukan berakhir, jadi tidak ada perubahan.'
        exit 1
    fi
}

line() { printf '%s\n' '============================================================'; }
rule() { printf '%s\n' '------------------------------------------------------------'; }

done_with() { # ENGLISH INDONESIAN
    echo
    say "$1" "$2"
    echo
    line
    say '✅ THE PROCESS IS DONE' '✅ PROSES SELESAI'
    line
    exit 0
}

refused() { # ENGLISH INDONESIAN
    echo
    say "$1" "$2"
    exit 1
}

call() { # COMMAND: run it without a shell; quotes hold words together
    local words=() word
    while IFS= read -r -d '' word; do words+=("$word"); done < <(printf '%s\n' "$1" | xargs printf '%s\0')
    if ! "${words[@]}" </dev/null >&2; then
        say "⚠️  The command \`${words[0]-}\` did not work." "⚠️  Perintah \`${words[0]-}\` tidak berhasil."
        return 1
    fi
}

servers=() stopping=no waiting=''
stop_servers() { # 0 when all have ended; those that were told to are in `servers`
    local told status=0
    # Ctrl-C waits: whoever is told to stop must be known, to be started again
    told=$(trap '' INT TERM HUP && "$run" stop --json ${store[@]+"${store[@]}"}) || status=$?
    while [[ $told =~ \"host\":\"([^\"]*)\",\"port\":([0-9]+),\"workers\":([0-9]+) ]]; do
        servers+=("${BASH_REMATCH[1]} ${BASH_REMATCH[2]} ${BASH_REMATCH[3]}")
        told=${told#*"${BASH_REMATCH[0]}"}
    done
    return "$status"
}

restart() {
    local status=$? server host port workers IFS=$' \t\n' # a trap inherits that of the `read` it came in
    trap '' INT TERM HUP PIPE
    trap - EXIT
    echo
    say '⏳ Restarting the server...' '⏳ Restarting server...'
    if [ -n "$start_cmd" ]; then
        call "$start_cmd" || status=1
        exit "$status"
    fi
    # one that had not ended then has ended now, or does so
    if [ "$stopping" = yes ] && ! "$run" stop ${store[@]+"${store[@]}"} >&2; then
        say '⚠️  The server has not ended yet; when it has, start it with bin/start_daemon.sh.' \
            '⚠️  Server belum berakhir; setelah berakhir, jalankan dengan bin/start_daemon.sh.'
        status=1
    fi
    if [ ${#servers[@]} -eq 0 ]; then
        say '   It did not run before, so it was not started.' '   Tadinya tidak berjalan, jadi tidak dijalankan.'
    fi
    for server in ${servers[@]+"${servers[@]}"}; do
        read -r host port workers <<<"$server"
        if ! "$run" serve --detach --no-key --lang "$lang" ${store[@]+"${store[@]}"} \
            --host "$host" --port "$port" --workers "$workers"; then
            say '⚠️  The server does not run; start it with bin/start_daemon.sh.' \
                '⚠️  Server tidak berjalan; jalankan dengan bin/start_daemon.sh.'
            status=1
        fi
    done
    exit "$status"
}

cancelled() {
    printf '\n\n'
    say '⚠️  Cancelled. What was not deleted yet stays.' '⚠️  Dibatalkan. Yang belum dihapus tetap ada.'
    exit 130
}

delete() { # WORDS of `ingat clear`
    local status=0 words=(--yes --leave-server --lang "$lang" ${store[@]+"${store[@]}"} ${clear[@]+"${clear[@]}"})
    "$run" clear "${words[@]}" --reason "$reason" "$@" || status=$?
    if [ "$status" -ne 3 ]; then exit "$status"; fi
    # somebody is protected: it needs a reason, and a second word
    echo
    if [ -z "$reason" ]; then
        ask 'Why is it to be deleted all the same?' 'Mengapa tetap dihapus?'
        reason=$answer
    fi
    if [ -z "${reason//[[:space:]]/}" ]; then
        refused '❌ Who is protected is not deleted without a reason. Nothing was changed.' \
            '❌ Yang dilindungi tidak dihapus tanpa alasan. Tidak ada perubahan.'
    fi
    ask "Type 'FORCE' to delete who is protected:" "Ketik 'FORCE' untuk menghapus yang dilindungi:"
    if [ "$answer" != FORCE ]; then
        done_with '❌ Cancelled. Nothing was changed.' '❌ Dibatalkan. Tidak ada perubahan.'
    fi
    "$run" clear "${words[@]}" --force --reason "$reason" "$@"
    exit
}

delete_one() {
    local ids id number=0
    ids=$("$run" clear --list-ids --lang "$lang" ${store[@]+"${store[@]}"}) || exit
    if [ -z "$ids" ]; then
        done_with '⚠️  There are no users. Nothing was changed.' '⚠️  Tidak ada user. Tidak ada perubahan.'
    fi
    echo
    rule
    say '📋 THE USER_IDS THAT THERE ARE:' '📋 DAFTAR USER_ID YANG ADA:'
    rule
    while IFS= read -r id; do
        number=$((number + 1))
        printf '%2d. %s\n' "$number" "$id"
    done <<<"$ids"
    echo
    if [ "$number" -eq 1 ]; then say 'Total: 1 user' 'Total: 1 user'; else say "Total: $number users" "Total: $number user"; fi
    rule
    echo
    say 'Enter the user_id to delete' 'Masukkan user_id yang ingin dihapus'
    say '(it can be copied from the list above)' '(bisa copy-paste dari daftar di atas)'
    echo
    ask 'User ID:' 'User ID:'
    id=$answer
    if [ -z "${id//[[:space:]]/}" ]; then
        refused '❌ The user_id is empty. Nothing was changed.' '❌ user_id kosong. Tidak ada perubahan.'
    fi
    echo
    ask '⚠️  Are you sure that this user is to be deleted? (y/n):' \
        '⚠️  Apakah Anda yakin akan menghapus user ini? (y/n):'
    case $answer in
        y | Y) delete -- "$id" ;;
        *) done_with '❌ Cancelled. Nothing was changed.' '❌ Dibatalkan. Tidak ada perubahan.' ;;
    esac
}

delete_all() {
    echo
    say '⚠️  All data of all users will be deleted.' '⚠️  Semua data semua user akan dihapus.'
    echo
    ask "⚠️  Type 'YES' to delete everything:" "⚠️  Ketik 'YES' untuk menghapus semuanya:"
    if [ "$answer" != YES ]; then
        done_with '❌ Cancelled. Nothing was changed.' '❌ Dibatalkan. Tidak ada perubahan.'
    fi
    delete --all
}

line
echo '🗑️  MEMORY MANAGEMENT TOOL'
line
echo
say '⏳ Stopping the server...' '⏳ Menghentikan server...'
trap restart EXIT
trap 'exec >&2; exit 141' PIPE # whoever read what is shown has gone
trap 'waiting=cancelled' INT
trap 'waiting="exit 143"' TERM HUP
if [ -n "$stop_cmd" ]; then
    call "$stop_cmd" || true
elif ! stop_servers; then
    stopping=yes
    say '⚠️  The server was not stopped, which does no harm here.' '⚠️  Server tidak berhenti, dan itu tidak merusak di sini.'
elif [ ${#servers[@]} -eq 0 ]; then
    say '   No server of this store runs here.' '   Tidak ada server penyimpanan ini yang berjalan di sini.'
fi
trap cancelled INT
trap 'exit 143' TERM HUP
$waiting
echo
line
say 'CHOOSE AN ACTION:' 'PILIH AKSI:'
line
echo
say '1. Delete a given user_id' '1. Hapus user_id tertentu'
say '2. Empty all memory' '2. Kosongkan memory total'
say '3. Cancel (restart the server without changes)' '3. Cancel (restart server tanpa perubahan)'
echo
ask 'Choice (1-3):' 'Pilihan (1-3):'
case ${answer//[[:space:]]/} in
    1) delete_one ;;
    2) delete_all ;;
    3) done_with '✅ Cancelled. Nothing was changed.' '✅ Dibatalkan. Tidak ada perubahan.' ;;
    *) refused '❌ There is no such choice. Nothing was changed.' '❌ Pilihan tidak valid. Tidak ada perubahan.' ;;
esac
