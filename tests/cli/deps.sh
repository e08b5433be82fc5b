#!/bin/sh
# tools/install-deps.sh on systems that are made up: nothing but a shell, its tools and one package manager, which only
# says what it is told. What is there is not asked for, what has no package is said, nobody is root by himself.
set -eu

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fail() { echo "FAILED: $*"; exit 1; }

system() { # NAME COMMAND...: a folder of commands; those not of this machine say their name and arguments
    name=$1; shift
    mkdir "$root/$name"
    for word in sh tr sed grep cat env "$@"; do
        case $word in
        apt-get | dnf | pacman | apk | brew | sudo)
            printf '#!/bin/sh\necho %s "$@"\n[ %s != sudo ] || exec "$@"\n' "$word" "$word" >"$root/$name/$word"
            chmod +x "$root/$name/$word" ;;
        *) ln -s "$(command -v "$word")" "$root/$name/$word" ;;
        esac
    done
}
user() { printf '#!/bin/sh\necho %s\n' "$2" >"$root/$1/id"; chmod +x "$root/$1/id"; }
deps() { # NAME ARGUMENT...
    name=$1; shift
    env -i PATH="$root/$name" STB="$root/none" tools/install-deps.sh "$@" >"$root/out" 2>&1
}
says() { grep -q -e "$1" "$root/out" || { cat "$root/out"; fail "it does not say: $1"; }; }
says_not() { ! grep -q -e "$1" "$root/out" || { cat "$root/out"; fail "it says: $1"; }; }

# Installed by root, and through sudo; each by the name it has there.
for manager in apt-get dnf pacman apk; do
    system "$manager" "$manager"
    user "$manager" 0
    deps "$manager" --test || { cat "$root/out"; fail "$manager"; }
    says "^$manager .*jansson.*cmocka"
    says_not "^sudo"
done
deps apt-get
says "libjpeg-dev" # in Debian, Ubuntu, and what is made of them
says_not "cmocka"
system sudo apt-get sudo
user sudo 1000
deps sudo
says "^sudo apt-get update"
says "^sudo env .*apt-get install .*libjansson-dev"

# A user without sudo; a system without a manager that is known.
system alone apt-get
user alone 1000
! deps alone || fail "installed without being root"
says "install them as root"
says_not "^apt-get"
system unknown
user unknown 1000
! deps unknown || fail "an unknown system is all right"
says "no known package manager"
says "libjansson-dev"

# brew has no stb.
system brew brew
user brew 501
! deps brew || fail "stb by brew"
says "STB="
says_not "brew install"
deps brew --dry-run
says_not none

# Where the compiler, whose name may be of two words, finds the headers of stb by itself, as in Alpine, they are there.
mkdir "$root/include"
echo >"$root/include/stb_image.h"
env STB="$root/none" CPATH="$root/include" CC="env ${CC:-cc}" tools/install-deps.sh --dry-run >"$root/out" 2>&1
says_not stb
says_not gcc
echo "asked for what is missing, by its name"
