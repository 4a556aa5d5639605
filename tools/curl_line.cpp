#include "curl_line.hpp"

#include <algorithm>
#include <cstdio>
#include <string_view>

namespace rondo::tools {
namespace {

// As a shell reads it: one word.
std::string shell_word(std::string_view text) {
  static constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:@%+=,";
  if (!text.empty() && text.find_first_not_of(plain) == std::string_view::npos)
    return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += "'\\''";
    else
      out += c;
  }
  return out + '\'';
}

class curl_command {
 public:
  curl_command& flag(std::string_view name) {
    line_ += ' ';
    line_ += name;
    return *this;
  }
  curl_command& option(std::string_view name, std::string_view value) {
    flag(name);
    line_ += ' ' + shell_word(value);
    return *this;
  }
  curl_command& option_if(std::string_view name, const std::string& value) {
    return value.empty() ? *this : option(name, value);
  }
  const std::string& line() const noexcept { return line_; }

 private:
  std::string line_ = "curl";
};

bool names_a_type(const fetch_options& o) {
  static constexpr std::string_view type = "content-type:";
  return std::ranges::any_of(o.headers, [](const std::string& h) {
    return h.size() >= type.size() &&
           std::ranges::equal(type, std::string_view(h).substr(0, type.size()), {}, {}, [](char c) {
             return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
           });
  });
}

std::string seconds(double s) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", s);
  return text;
}

void add_body(curl_command& c, const fetch_options& o) {
  if (o.has_data) {
    // curl would call it a form.
    if (o.json_body)
      c.option("-H", "Content-Type: application/json");
    else if (!names_a_type(o))
      c.option("-H", "Content-Type:");
    c.option(o.data.starts_with('@') ? "--data-binary" : "--data-raw", o.data);
  }
  for (const std::string& field : o.form) c.option("-F", field);
}

void add_connection(curl_command& c, const fetch_options& o) {
  if (o.proxy.empty())
    c.option("--noproxy", "*");
  else if (o.proxy != "env")
    c.option("-x", o.proxy);
  if (o.unix_socket.starts_with('@'))
    c.option("--abstract-unix-socket", o.unix_socket.substr(1));
  else
    c.option_if("--unix-socket", o.unix_socket);
  for (const std::string& known : o.resolve) c.option("--resolve", known);
  c.option_if("--interface", o.local_address);
  c.option_if("--cacert", o.ca_file);
  if (o.insecure) c.flag("-k");
  if (o.http2) c.flag("--http2-prior-knowledge");
  if (o.http1) c.flag("--http1.1");
}

}  // namespace

std::string curl_lines(const fetch_options& o) {
  check_fetch(o);
  std::string out;
  for (const std::string& url : o.urls) {
    curl_command c;
    if (!o.progress) c.flag("-sS");
    if (o.method == "HEAD")
      c.flag("-I");
    else
      c.option_if("-X", o.method);
    for (const std::string& h : o.headers) c.option("-H", h);
    add_body(c, o);
    if (!o.user.empty()) c.option("-u", o.user);
    if (o.follow > 0) c.flag("-L").option("--max-redirs", std::to_string(o.follow));
    if (!o.raw) c.flag("--compressed");
    add_connection(c, o);
    c.option("--connect-timeout", seconds(o.connect_timeout_s));
    c.option("--max-time", seconds(o.timeout_s));
    if (o.verbose) c.flag("-v");
    c.option("-o", o.output.empty() ? "/dev/null" : o.output);
    // Brackets and braces are part of a URL here, no pattern.
    out += c.flag("-g").option("--url", url).line() + '\n';
  }
  return out;
}

}  // namespace rondo::tools
