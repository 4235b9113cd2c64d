# What Doxygen reads instead of our files, which are written for people:
# - a header's first comment is about the file, which Doxygen wants to be told;
# - docs/name.md gets the label `name`, and a link to it becomes a reference to that label; links to files that are no part of this
#   documentation leave their text. (Doxygen 1.9 cannot follow links to files below a folder with a space in its name.)

# The text of a link to a place in this repository, with a reference where that is a page of docs/.
function link(text, place) {
  sub(/#.*/, "", place)
  if (place !~ /^(docs\/)?[a-z_]+\.md$/) return text
  sub(/^docs\//, "", place)
  sub(/\.md$/, "", place)
  return "[" text "](@ref " place ")"
}

# A line of Markdown with every link into this repository passed through link(); addresses on the web stay.
function with_links(line,   before, text, place, middle) {
  before = ""
  while (match(line, /\[[^][]+\]\([A-Za-z0-9_.\/#-]+\)/)) {
    middle = index(substr(line, RSTART), "](")
    text = substr(line, RSTART + 1, middle - 2)
    place = substr(line, RSTART + middle + 1, RLENGTH - middle - 2)
    before = before substr(line, 1, RSTART - 1) link(text, place)
    line = substr(line, RSTART + RLENGTH)
  }
  return before line
}

FNR == 1 && FILENAME ~ /\.h$/ { sub(/^\/\/\/ /, "/// \\file\n/// ") }
FNR == 1 && FILENAME ~ /docs\/[a-z_]+\.md$/ {
  name = FILENAME
  sub(/.*\//, "", name)
  sub(/\.md$/, "", name)
  $0 = $0 " {#" name "}"
}
FILENAME ~ /\.md$/ && /^```/ { code = !code }
FILENAME ~ /\.md$/ && !code && !/^    / { $0 = with_links($0) }
{ print }
