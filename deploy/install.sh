#!/bin/sh
# Installs Grouper from this folder, without any network, or upgrades what is installed. Data are never
# touched: neither the data folder nor the database, the settings or the backups.
#
#   sh install.sh [FOLDER]           install into FOLDER (default /opt/grouper), or upgrade it
#   sh install.sh --back [FOLDER]    go back to the version that was installed before
#   PYTHON=python3.11 sh install.sh  with another Python than python3
#
# FOLDER/venv is a link to the environment in use, FOLDER/venv.previous to the one before. The link is
# changed last, when the new environment has shown that it works; until then the old one stays.
# FOLDER has to be Grouper's own: new, empty, or installed into before. Another one is refused.
set -eu
umask 022
unset PYTHONPATH PYTHONHOME
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
made=

say() {
    # Chinese, then English: GROUPER_LANG chooses as everywhere.
    case ${GROUPER_LANG:-zh} in
    en*) printf '%s\n' "$2" ;;
    *) printf '%s\n' "$1" ;;
    esac
}

fail() {
    say "$1" "$2" >&2
    exit 1
}

# A half-made environment is taken away, whatever ended the script.
trap 'if [ -n "$made" ]; then rm -rf -- "$made"; fi' EXIT
trap 'exit 1' HUP INT TERM

back=
if [ "${1:-}" = --back ]; then
    back=yes
    shift
fi
case ${1:-} in
-*) fail "未知选项：$1" "unknown option: $1" ;;
esac
folder=${1:-/opt/grouper}
case $folder in
/*) ;;
*) folder=$(pwd)/$folder ;;
esac

# Sets a link in one step, by the Python of $3: whoever asks meanwhile finds the old one or the new one.
link() {
    "$3/bin/python" -I -c 'import os, sys
target, name = sys.argv[1:]
beside = name + ".new"
if os.path.lexists(beside):
    os.unlink(beside)
os.symlink(os.path.basename(target), beside)
os.replace(beside, name)' "$2" "$1"
}

if [ -n "$back" ]; then
    [ -L "$folder/venv" ] && [ -x "$folder/venv.previous/bin/grouper" ] ||
        fail "$folder 中没有可退回的旧版本。" "There is no version before in $folder to go back to."
    new=$folder/$(readlink "$folder/venv")
    old=$folder/$(readlink "$folder/venv.previous")
    link "$folder/venv" "$old" "$old"
    link "$folder/venv.previous" "$new" "$old"
    say "现用版本：$("$folder/venv/bin/grouper" --version)。请重启服务；若数据库已升级，先恢复升级前的备份（docs/INSTALL.md）。" \
        "In use now: $("$folder/venv/bin/grouper" --version). Start the service again; where the database was upgraded, restore the backup of before first (docs/INSTALL.md)."
    exit 0
fi

# 1. Every file is the one that was packed.
cd "$here"
[ -f SHA256SUMS ] || fail "缺少 SHA256SUMS，安装包不完整。" "SHA256SUMS is missing: this is no whole bundle."
sha256sum --strict --quiet -c SHA256SUMS ||
    fail "校验不符：安装包已损坏或被改动，未安装。" "The checksums do not fit: the bundle is damaged or was changed. Nothing was installed."
# shellcheck source=/dev/null
. ./bundle.sh
# shellcheck disable=SC2154 # both come from bundle.sh
: "$version" "$python_wanted" "$machine" "$installer"

# 2. This machine is one that the bundle is for.
python=${PYTHON:-python3}
found=$("$python" -I -c 'import sys; print("%d.%d" % sys.version_info[:2])') ||
    fail "找不到 $python。" "There is no $python."
[ "$found" = "$python_wanted" ] ||
    fail "此安装包需要 Python $python_wanted，$python 是 $found；请用 PYTHON=… 指定。" \
        "This bundle is for Python $python_wanted, and $python is $found; name another by PYTHON=..."
[ "$(uname -m)" = "$machine" ] ||
    fail "此安装包适用于 $machine，本机是 $(uname -m)。" "This bundle is for $machine, and this machine is $(uname -m)."

# 3. The folder is ours: what lies in it is replaced below.
new=$folder/venv-$version-$(sha256sum SHA256SUMS | cut -c 1-12)
old=
if [ -L "$folder/venv" ]; then
    old=$folder/$(readlink "$folder/venv")
fi
if [ "$new" = "$old" ] && [ -f "$new/.complete" ] && "$new/bin/grouper" --version >/dev/null; then
    say "已安装此版本：$new" "This very bundle is installed already: $new"
    exit 0
fi
ours=
case $(readlink "$folder/venv") in
venv-*) ours=yes ;;
esac
if [ -f "$folder/bundle.json" ] && cmp -s LICENSE "$folder/LICENSE" && [ ! -e "$folder/SHA256SUMS" ]; then
    ours=yes
fi
if [ -d "$folder" ] && [ "$(CDPATH='' cd -P -- "$folder" && pwd -P)" = "$(pwd -P)" ]; then
    fail "$folder 是安装包本身，请另选目录。" "$folder is the bundle itself; name another folder."
fi
for one in "$folder"/* "$folder"/.[!.]* "$folder"/..?*; do
    # What a first installation that was killed left is ours too; a disk of its own has lost+found.
    if [ -n "$ours" ] || [ "$one" = "$new" ] || [ "$one" = "$folder/lost+found" ] || { [ ! -e "$one" ] && [ ! -L "$one" ]; }; then
        continue
    fi
    fail "$folder 不是空目录，也不是 Grouper 的安装目录，未作任何改动；请另选目录。" \
        "$folder is not empty and Grouper is not installed in it. Nothing was changed; name another folder."
done

# 4. A new environment beside the old one.
mkdir -p "$folder"
rm -rf -- "$new"
made=$new
"$python" -I -m venv --without-pip "$new" ||
    fail "无法创建 Python 环境。" "The Python environment cannot be made."
"$new/bin/python" -I "wheels/$installer/pip" --isolated --disable-pip-version-check --quiet \
    install --no-cache-dir --no-index --find-links wheels --require-hashes -r requirements.txt ||
    fail "安装失败，旧版本保持不变。" "The installation failed; what was installed before is as it was."

# 5. It works, before anything is changed.
"$new/bin/python" -I -m pip --isolated --disable-pip-version-check --quiet check >&2 &&
    "$new/bin/grouper" --version >/dev/null &&
    "$new/bin/grouper" codebooks list >/dev/null ||
    fail "新环境不能工作，旧版本保持不变。" "The new environment does not work; what was installed before is as it was."
: >"$new/.complete"
made=

# 6. The change, and what lies around it; the way back first.
if [ -n "$old" ] && [ "$old" != "$new" ]; then
    link "$folder/venv.previous" "$old" "$new"
fi
link "$folder/venv" "$new" "$new"
for name in docs deploy site; do
    if [ -d "$name" ]; then
        rm -rf -- "${folder:?}/$name"
        cp -R "$name" "$folder/$name"
    fi
done
cp LICENSE NOTICE CHANGELOG.md bundle.json sbom.cdx.json install.sh "$folder/"
for one in "$folder"/venv-*; do
    [ "$one" = "$new" ] || [ "$one" = "$old" ] || rm -rf -- "$one"
done

say "已安装 $("$new/bin/grouper" --version) 到 $folder。" "$("$new/bin/grouper" --version) is installed in $folder."
if [ -n "$old" ]; then
    say "升级：先备份，再重启服务；然后运行 grouper doctor。退回：sh $folder/install.sh --back $folder" \
        "Upgrade: back up, start the service again, then run grouper doctor. To go back: sh $folder/install.sh --back $folder"
else
    say "下一步见 $folder/docs/INSTALL.md：设置、第一个账号、systemd、代理；用 $folder/venv/bin/grouper doctor 检查。" \
        "Next see $folder/docs/INSTALL.md: settings, first account, systemd, proxy; $folder/venv/bin/grouper doctor checks all of it."
fi
