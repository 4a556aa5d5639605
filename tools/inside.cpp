#include "inside.hpp"

#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <stdexcept>
#include <tuple>
#include <utility>

namespace rondo::tools {
namespace {

using json_value = nlohmann::json;

constexpr std::size_t longest_answer = std::size_t{4} << 20;

bool is_number(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

std::string path_of(const std::string& where) {
  if (!is_number(where)) return where;
  const char* const runtime = std::getenv("XDG_RUNTIME_DIR");  // NOLINT(concurrency-mt-unsafe)
  const std::string folder = runtime && *runtime == '/'
                                 ? std::string(runtime) + "/rondo"
                                 : "/tmp/rondo-" + std::to_string(::geteuid());
  return folder + '/' + where + ".sock";
}

std::string seconds_text(double us) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f s", us / 1e6);
  return text;
}

double number_of(const json_value& line, const char* name) { return line.value(name, 0.0); }

// One loop's tasks.
class task_tree_text {
 public:
  void add(const json_value& line) {
    tasks_.emplace(line.at("task").get<long>(), line);
    order_.push_back(line.at("task").get<long>());
  }

  std::string text() {
    std::string out;
    for (const long id : order_) {
      const json_value& t = tasks_.at(id);
      if (!t.contains("parent") || !tasks_.contains(t["parent"].get<long>()))
        children_[0].push_back(id);
      else
        children_[t["parent"].get<long>()].push_back(id);
    }
    for (const long id : children_[0]) write(out, id, 1);
    write_circles(out);
    return out;
  }

 private:
  std::string called(long id) const {
    std::string out = "task " + std::to_string(id);
    if (const auto t = tasks_.find(id); t != tasks_.end() && t->second.contains("name"))
      out += " \"" + t->second["name"].get<std::string>() + '"';
    return out;
  }

  void write(std::string& out, long id, std::size_t depth) {
    const json_value& t = tasks_.at(id);
    out.append(depth * 2, ' ');
    out += called(id);
    if (t.contains("main")) out += " (main)";
    if (t.contains("spawned")) out += " (spawned at " + t["spawned"].get<std::string>() + ')';
    out += ": ";
    if (t.contains("for")) {
      out += "waiting for " + t["for"].get<std::string>();
      if (t.contains("fd")) out += " on fd " + std::to_string(t["fd"].get<int>());
      if (t.contains("most"))
        out += " (" + t["size"].dump() + " of " + t["most"].dump() + ')';
      else if (t.contains("size"))
        out += " (" + t["size"].dump() + ')';
      out += ", " + seconds_text(number_of(t, "since_us"));
    } else {
      out += t.value("state", "?");
    }
    const std::string deeper = '\n' + std::string(depth * 2 + 4, ' ');
    bool first = true;
    for (const json_value& at : t.value("chain", json_value::array()))
      out +=
          (std::exchange(first, false) ? ", in " : deeper + "awaited in ") + at.get<std::string>();
    if (t.contains("held_by")) out += deeper + "held by " + called(t["held_by"].get<long>());
    if (t.contains("other_end")) {
      out += deeper + "last " + t["other_end"].get<std::string>() + " by ";
      out += t.contains("other_task") ? called(t["other_task"].get<long>()) : "no task";
      if (t.contains("other_task") && !tasks_.contains(t["other_task"].get<long>()))
        out += ", which has ended,";
      out += " at " + t["other_at"].get<std::string>() + ", " +
             seconds_text(number_of(t, "other_us")) + " ago";
    }
    out += '\n';
    for (const long child : children_[id]) write(out, child, depth + 1);
  }

  // Who a task waits for: the holder of a lock; or, in a scope, those inside, of whom `through` is
  // the one that waits for a lock.
  void write_circles(std::string& out) {
    std::set<long> named;
    for (const long id : order_) {
      std::vector<long> path;
      for (long at = id; at != 0 && tasks_.contains(at);) {
        if (const auto seen = std::find(path.begin(), path.end(), at); seen != path.end()) {
          path.erase(path.begin(), seen);
          if (!named.contains(at)) name_circle(out, path);
          named.insert(path.begin(), path.end());
          break;
        }
        path.push_back(at);
        at = blocker_of(at);
      }
    }
  }
  // The task that must go on before `id` can: the holder of the lock that it, or the only task in
  // its scope that waits for a lock, waits for.
  long blocker_of(long id) const {
    const json_value& t = tasks_.at(id);
    if (t.contains("held_by")) return t["held_by"].get<long>();
    if (const auto c = children_.find(id); c != children_.end())
      for (const long child : c->second)
        if (blocks(child)) return child;
    return 0;
  }
  bool blocks(long id) const {
    if (tasks_.at(id).contains("held_by")) return true;
    const auto c = children_.find(id);
    return c != children_.end() &&
           std::any_of(c->second.begin(), c->second.end(), [&](long x) { return blocks(x); });
  }
  void name_circle(std::string& out, const std::vector<long>& circle) const {
    out += "  DEADLOCK: ";
    bool first = true;
    for (std::size_t i = 0; i < circle.size(); ++i) {
      const json_value& t = tasks_.at(circle[i]);
      if (!t.contains("held_by")) continue;
      if (!std::exchange(first, false)) out += "; ";
      out += called(circle[i]) + " waits for " + t.value("for", "a lock") + " that " +
             called(t["held_by"].get<long>()) + " holds";
    }
    out += '\n';
  }

  std::map<long, json_value> tasks_;
  std::map<long, std::vector<long>> children_;  // 0: of nobody
  std::vector<long> order_;
};

std::string lines_text(const json_value& lines, const char* before) {
  std::string out;
  for (const json_value& l : lines) out += before + l.get<std::string>() + '\n';
  return out;
}

std::string head_of(const json_value& loop) {
  std::string out = "loop " + loop.at("loop").dump() + ", thread " + loop.at("thread").dump() +
                    ", " + loop.value("reactor", "?") + ": ";
  if (loop.contains("blocked")) {
    out += "BLOCKED in a step";
    if (loop.contains("name")) out += " of \"" + loop["name"].get<std::string>() + '"';
    out += " for " + seconds_text(number_of(loop, "ms") * 1000) + '\n';
    out += lines_text(loop.value("stack", json_value::array()), "    ");
    if (loop.contains("story")) out += "  of the task that goes on\n";
    return out + lines_text(loop.value("story", json_value::array()), "    ");
  }
  return out + loop.value("tasks", json_value(0)).dump() + " tasks, " +
         loop.value("turns", json_value(0)).dump() + " turns, " +
         loop.value("steps", json_value(0)).dump() + " steps, " +
         loop.value("timers", json_value(0)).dump() + " timers, " +
         loop.value("threads", json_value(0)).dump() + " calls in threads\n";
}

// A pool, an origin of one, a server.
std::string shown_text(const json_value& line) {
  std::string out = line["shown"].get<std::string>();
  if (line.contains("name")) out += ' ' + line["name"].get<std::string>();
  out += ": " + line["open"].dump();
  if (line.contains("most")) out += " of " + line["most"].dump();
  out += " open";
  for (const char* what : {"busy", "at_rest", "silent", "shaking_hands", "lingering", "idle",
                           "streams", "waiting", "accepted", "refused"}) {
    if (!line.contains(what)) continue;
    std::string word = what;
    std::replace(word.begin(), word.end(), '_', ' ');
    out += ", " + line[what].dump() + ' ' + word;
  }
  return out;
}

std::string cut(std::string text, std::size_t columns) {
  if (text.size() > columns) text.resize(columns);
  return text + '\n';
}

std::pair<std::size_t, std::size_t> terminal_size() {
  winsize w{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_row > 0 && w.ws_col > 0)
    return {w.ws_row, w.ws_col};
  return {24, 80};
}

}  // namespace

task<std::vector<json_value>> ask_inside(std::string where, std::string word) {
  const std::string path = path_of(where);
  net::unix_stream s = co_await net::unix_stream::connect(net::endpoint::unix_path(path));
  net::buffered_reader in(s);
  word += '\n';
  co_await s.write_all(std::as_bytes(std::span(word)));
  std::vector<json_value> lines;
  for (;;) {
    const std::string_view line = co_await in.read_line(longest_answer);
    if (line.empty()) throw std::runtime_error(path + ": the answer was cut off");
    json_value parsed = json_value::parse(line);
    if (parsed.contains("error")) throw std::runtime_error(parsed["error"].get<std::string>());
    if (parsed.contains("end")) co_return lines;
    lines.push_back(std::move(parsed));
  }
}

std::string tasks_text(const std::vector<json_value>& lines) {
  std::string out;
  task_tree_text tree;
  const auto flush = [&] { out += std::exchange(tree, {}).text(); };
  for (const json_value& line : lines) {
    if (line.contains("pid")) {
      out += line.value("program", "?") + ", process " + line["pid"].dump() + '\n';
    } else if (line.contains("task")) {
      tree.add(line);
    } else if (line.contains("loop")) {
      flush();
      out += head_of(line);
    } else if (line.contains("shown")) {
      out += (line["shown"] == "origin" ? "    " : "  ") + shown_text(line) + '\n';
    }
  }
  flush();
  return out;
}

std::string stalls_text(const std::vector<json_value>& lines) {
  std::string out;
  for (const json_value& line : lines) {
    if (!line.contains("text")) continue;
    out += line["times"].dump() + " times, " + line["longest_ms"].dump() +
           " ms at most: " + line["text"].get<std::string>();
  }
  return out.empty() ? "no stall was seen (they are looked for with RONDO_STALL=200ms)\n" : out;
}

std::string top_view::page(const std::vector<json_value>& lines, double seconds, std::size_t rows,
                           std::size_t columns) {
  std::map<std::string, group> now;
  std::map<long, std::pair<double, double>> loops_now;
  std::string out;
  std::size_t used = 0;
  const auto put = [&](std::string text) {
    if (used++ < rows) out += cut(std::move(text), columns);
  };
  char text[256];
  for (const json_value& line : lines) {
    if (line.contains("task")) {
      const std::string place = line.contains("spawned")   ? line["spawned"].get<std::string>()
                                : line.contains("awaited") ? line["awaited"].get<std::string>()
                                                           : "(main and services)";
      group& g = now[place];
      ++g.tasks;
      g.busy_us += number_of(line, "busy_us");
      g.steps += number_of(line, "steps");
      g.oldest_us = std::max(g.oldest_us, number_of(line, "age_us"));
    } else if (line.contains("shown")) {
      if (line["shown"] != "origin") put("  " + shown_text(line));
    } else if (line.contains("pid")) {
      put(line.value("program", "?") + ", process " + line["pid"].dump());
    } else if (line.contains("blocked")) {
      std::string head = head_of(line);
      put(head.substr(0, head.find('\n')));
      if (line.contains("stack"))
        for (std::size_t i = 0; i < 8 && i < line["stack"].size(); ++i)
          put("    " + line["stack"][i].get<std::string>());
    } else if (line.contains("loop")) {
      const long id = line["loop"].get<long>();
      const auto then = loops_before_.find(id);
      const std::pair<double, double> counts{number_of(line, "turns"), number_of(line, "steps")};
      loops_now[id] = counts;
      const bool known = then != loops_before_.end() && seconds > 0;
      std::snprintf(
          text, sizeof text, "loop %ld, %s: %.0f tasks, %.0f timers, %.0f turns/s, %.0f steps/s",
          id, line.value("reactor", "?").c_str(), number_of(line, "tasks"),
          number_of(line, "timers"), known ? (counts.first - then->second.first) / seconds : 0.0,
          known ? (counts.second - then->second.second) / seconds : 0.0);
      put(text);
    }
  }
  struct row {
    std::string place;
    group g;
    long grown;
    double busy;
    double steps;
  };
  std::vector<row> table;
  for (const auto& [place, g] : now) {
    const auto first = first_.try_emplace(place, looked_ ? 0 : g.tasks).first->second;
    const auto b = before_.find(place);
    const group then = b == before_.end() ? group{} : b->second;
    const bool known = looked_ && seconds > 0;
    table.push_back({place, g, static_cast<long>(g.tasks) - static_cast<long>(first),
                     known ? std::max(0.0, (g.busy_us - then.busy_us) / seconds / 1e4) : 0.0,
                     known ? std::max(0.0, (g.steps - then.steps) / seconds) : 0.0});
  }
  std::sort(table.begin(), table.end(), [](const row& a, const row& b) {
    return std::tie(b.grown, b.g.tasks, a.place) < std::tie(a.grown, a.g.tasks, b.place);
  });
  std::snprintf(text, sizeof text, "%8s %8s %7s %9s %10s  %s", "TASKS", "GROWN", "BUSY %",
                "STEPS/S", "OLDEST", "SPAWNED OR AWAITED AT");
  put(text);
  for (const row& r : table) {
    std::snprintf(text, sizeof text, "%8zu %+8ld %7.1f %9.0f %10s  %s", r.g.tasks, r.grown, r.busy,
                  r.steps, seconds_text(r.g.oldest_us).c_str(), r.place.c_str());
    put(text);
  }
  before_ = std::move(now);
  loops_before_ = std::move(loops_now);
  looked_ = true;
  return out;
}

task<int> top(top_options o) {
  top_view view;
  auto then = std::chrono::steady_clock::now();
  for (std::size_t n = 0; o.looks == 0 || n < o.looks; ++n) {
    if (n > 0) co_await sleep_for(std::chrono::duration<double>(o.every_s));
    const auto lines = co_await ask_inside(o.where, "tasks");
    const auto now = std::chrono::steady_clock::now();
    const auto [rows, columns] = terminal_size();
    const std::string page =
        view.page(lines, std::chrono::duration<double>(now - then).count(), rows - 1, columns);
    then = now;
    if (!o.plain) std::fputs("\x1b[H\x1b[2J", stdout);
    std::fputs(page.c_str(), stdout);
    std::fflush(stdout);
  }
  co_return 0;
}

}  // namespace rondo::tools
