#include "manual.hpp"

#include <rondo/version.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string_view>
#include <vector>

namespace rondo::tools {
namespace {

std::vector<const CLI::App*> subcommands_of(const CLI::App& a) {
  return a.get_subcommands([](const CLI::App*) { return true; });
}

// What --help shows of options and of arguments.
std::vector<const CLI::Option*> options_of(const CLI::App& a) {
  return a.get_options(
      [](const CLI::Option* o) { return o->nonpositional() && !o->get_group().empty(); });
}
std::vector<const CLI::Option*> arguments_of(const CLI::App& a) {
  return a.get_options(
      [](const CLI::Option* o) { return o->get_positional() && !o->get_group().empty(); });
}

bool takes_value(const CLI::Option& o) { return o.get_items_expected_max() > 0; }

// For troff: a minus is a minus and no hyphen, and a line that begins with a point or a quote is
// text.
std::string escaped(std::string_view text) {
  std::string out;
  bool begins = true;
  for (const char c : text) {
    if (begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else
      out += c;
    begins = c == '\n';
  }
  return out;
}

std::string bold(std::string_view text) { return "\\fB" + escaped(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + escaped(text) + "\\fR"; }

// "-X, --method VALUE"
std::string names_of(const CLI::Option& o) {
  std::string out;
  const auto add = [&out](const std::string& name) {
    if (!out.empty()) out += ", ";
    out += bold(name);
  };
  for (const std::string& name : o.get_snames()) add('-' + name);
  for (const std::string& name : o.get_lnames()) add("--" + name);
  if (takes_value(o)) out += ' ' + italic(o.get_type_name().empty() ? "VALUE" : o.get_type_name());
  return out;
}

std::string described(const CLI::Option& o) {
  std::string out = escaped(o.get_description()) + '.';
  if (!o.get_default_str().empty()) out += " Default: " + escaped(o.get_default_str()) + '.';
  return out + '\n';
}

std::string argument_name(const CLI::Option& o) {
  std::string out = italic(o.get_name(true));
  if (o.get_items_expected_max() > 1) out += "...";
  return o.get_required() ? out : '[' + out + ']';
}

std::string section_of(const CLI::App& a, const std::string& program) {
  const std::string called = program + ' ' + a.get_name();
  std::string out = ".SS " + called + "\n" + escaped(a.get_description()) + ".\n.PP\n" +
                    bold(called) + " [" + italic("option") + "...]";
  for (const CLI::Option* o : arguments_of(a)) out += ' ' + argument_name(*o);
  out += '\n';
  for (const CLI::Option* o : arguments_of(a))
    out += ".TP\n" + italic(o->get_name(true)) + '\n' + described(*o);
  for (const CLI::Option* o : options_of(a)) out += ".TP\n" + names_of(*o) + '\n' + described(*o);
  if (const std::string footer = a.get_footer(); !footer.empty())
    out += ".PP\n.nf\n" + escaped(footer) + "\n.fi\n";
  return out;
}

std::string words_of(const CLI::App& a) {
  std::string out;
  for (const CLI::App* s : subcommands_of(a)) out += s->get_name() + ' ';
  for (const CLI::Option* o : options_of(a)) {
    for (const std::string& name : o->get_snames()) out += '-' + name + ' ';
    for (const std::string& name : o->get_lnames()) out += "--" + name + ' ';
  }
  if (!out.empty()) out.pop_back();
  return out;
}

}  // namespace

std::string manual_page(const CLI::App& command) {
  const std::string name = command.get_name();
  std::string out = ".TH RONDO 1 \"\" \"Rondo " + std::string(version()) +
                    "\" \"User Commands\"\n.SH NAME\n" + name + " \\- " +
                    escaped(command.get_description()) + "\n.SH SYNOPSIS\n";
  for (const CLI::App* s : subcommands_of(command)) {
    out += bold(name + ' ' + s->get_name()) + " [" + italic("option") + "...]";
    for (const CLI::Option* o : arguments_of(*s)) out += ' ' + argument_name(*o);
    out += "\n.br\n";
  }
  out += bold(name + " --help") + ", " + bold(name + " --version") + "\n.SH COMMANDS\n";
  for (const CLI::App* s : subcommands_of(command)) out += section_of(*s, name);
  out += ".SH OPTIONS\n";
  for (const CLI::Option* o : options_of(command))
    out += ".TP\n" + names_of(*o) + '\n' + described(*o);
  if (const std::string footer = command.get_footer(); !footer.empty())
    out += ".SH ENVIRONMENT\n.nf\n" + escaped(footer) + "\n.fi";
  return out;
}

std::string bash_completion(const CLI::App& command) {
  const std::string name = command.get_name();
  std::string out = "# Completion of " + name + "(1) for bash.\n_" + name +
                    "() {\n"
                    "  local word=${COMP_WORDS[COMP_CWORD]} words\n"
                    "  COMPREPLY=()\n"
                    "  case $((COMP_CWORD > 1)):${COMP_WORDS[1]} in\n";
  for (const CLI::App* s : subcommands_of(command))
    out += "    1:" + s->get_name() + ") words='" + words_of(*s) + "' ;;\n";
  out += "    0:*) words='" + words_of(command) +
         "' ;;\n"
         "    *) words= ;;\n"
         "  esac\n"
         "  # Anything else is a value: a file, where it is one.\n"
         "  if [[ $word == -* || $COMP_CWORD == 1 ]]; then\n"
         "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n"
         "  fi\n"
         "}\n"
         "complete -o default -F _" +
         name + ' ' + name;
  return out;
}

}  // namespace rondo::tools
