# SPDX-License-Identifier: Apache-2.0
# Sourced by the RTL scripts.

# rtl_sources DIR SET: prints the files of a set of DIR/sources.list, one a line.
rtl_sources() {
  rtl_set "$1" "$2" | awk '!seen[$0]++'
}

# The same with the files that come again.
rtl_set() {
  local LC_ALL=C dir=$1 set=$2 name entries entry files
  while read -r name entries; do
    [ "$name" = "$set" ] || continue
    read -r -a entries <<< "$entries"
    for entry in "${entries[@]}"; do
      case $entry in
        @*) rtl_set "$dir" "${entry#@}" ;;
        *)
          files=("$dir"/$entry.sv)
          [ -e "${files[0]}" ] || { echo "rtl_sources: there is no ${files[0]}" >&2; return 1; }
          printf '%s\n' "${files[@]}"
          ;;
      esac
    done
  done < "$dir/sources.list"
}
