#include <rondo/net/run_process.hpp>
#include <rondo/runtime/as_result.hpp>
#include <rondo/runtime/scope.hpp>
#include <rondo/runtime/task_group.hpp>

#include <array>
#include <cerrno>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>

namespace rondo::net {

namespace {

constexpr std::size_t piece = std::size_t{64} * 1024;

struct stage {
  process running;
  process_result result;
};

// A pipeline under way. One process is a pipeline of one.
struct pipeline_run {
  process_options options;
  std::vector<stage> stages;
};

// What one process of several is started with.
process_options options_of(const pipeline_run& run, std::size_t i, std::size_t count,
                           pipe_stream before) {
  process_options o = run.options;
  o.text_.reset();
  if (i > 0)
    o.input_ = redirect::stream(std::move(before));
  else if (run.options.text_)
    o.input_ = redirect::pipe();
  else if (!o.input_ && !o.terminal_)
    o.input_ = redirect::null();
  if (i + 1 < count) o.output_ = redirect::pipe();
  if (!o.error_ && !o.terminal_) o.error_ = redirect::pipe();
  return o;
}

void start_all(pipeline_run& run, std::vector<std::vector<std::string>>& commands) {
  run.stages.reserve(commands.size());
  for (std::size_t i = 0; i < commands.size(); ++i) {
    pipe_stream before;
    if (i > 0) before = std::move(run.stages.back().running.output());
    const process_options o = options_of(run, i, commands.size(), std::move(before));
    std::string name = commands[i].empty() ? std::string() : commands[i].front();
    run.stages.push_back({process::start(std::move(commands[i]), o), {}});
    run.stages.back().result.program = std::move(name);
  }
}

task<> feed(pipeline_run& run) {
  pipe_stream& in = run.stages.front().running.input();
  if (run.options.text_ && !run.options.text_->empty()) {
    const auto written = co_await as_result(in.write_all(bytes_of(*run.options.text_)));
    const bool unread = written.code() == std::error_code(EPIPE, std::system_category()) ||
                        written.code() == std::error_code(EIO, std::system_category());
    if (written.has_error() && !unread) std::rethrow_exception(written.error());
    if (unread) co_return in.close();
  }
  if (!in.is_open()) co_return;
  co_await in.shutdown_write();
}

task<> collect(pipe_stream& from, std::string& to, const pipeline_run& run,
               const std::string& program) {
  if (!from.is_open()) co_return;
  const auto buffer = std::make_unique<std::array<std::byte, piece>>();
  while (const std::size_t n = co_await from.read_some(*buffer)) {
    if (n > run.options.max_output_ - to.size())
      throw std::system_error(EFBIG, std::system_category(),
                              '"' + program + "\" wrote more than " +
                                  std::to_string(run.options.max_output_) + " bytes");
    to.append(reinterpret_cast<const char*>(buffer->data()), n);
  }
  from.close();
}

task<> drain(pipe_stream& from) {
  if (!from.is_open()) co_return;
  const auto buffer = std::make_unique<std::array<std::byte, piece>>();
  for (;;) {
    const auto n = co_await as_result(from.read_some(*buffer));
    if (!n.has_value() || n.value() == 0) co_return;
  }
}

task<> join_all(std::vector<join_handle<void>>& all) {
  for (auto& h : all) (void)co_await h.join();
}

task<> converse(pipeline_run& run) {
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&run](task_group& g) -> task<> {
    auto& readers = g.make<std::vector<join_handle<void>>>();
    for (stage& s : run.stages) {
      process_result& r = s.result;
      readers.push_back(g.spawn(collect(s.running.output(), r.output, run, r.program)));
      readers.push_back(g.spawn(collect(s.running.error(), r.error, run, r.program)));
    }
    g.spawn(feed(run));
    for (stage& s : run.stages) s.result.status = co_await s.running.wait();
    // Whoever else holds the pipes has this long.
    const bool complete = co_await try_for(run.options.grace_, join_all(readers));
    for (stage& s : run.stages) s.result.complete = complete;
    g.cancel();
  });
}

// Nothing stays, and what the processes say while they end does not hold them up.
task<> wind_up(pipeline_run& run) {
  if (run.stages.empty()) co_return;
  run.stages.front().running.input().close();
  // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
  co_await with_task_group([&run](task_group& g) -> task<> {
    for (stage& s : run.stages) {
      g.spawn(drain(s.running.output()));
      g.spawn(drain(s.running.error()));
    }
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
    co_await with_task_group([&run](task_group& enders) -> task<> {
      for (stage& s : run.stages)
        if (!s.running.status()) enders.spawn(as_result(s.running.stop()));
      co_return;
    });
    g.cancel();
  });
}

task<> start_and_converse(pipeline_run& run, std::vector<std::vector<std::string>>& commands) {
  start_all(run, commands);
  co_await converse(run);
}

task<std::vector<process_result>> run_all(std::vector<std::vector<std::string>> commands,
                                          process_options options) {
  if (commands.empty()) throw std::invalid_argument("run_pipeline: no commands");
  if (options.text_ && options.input_)
    throw std::invalid_argument("run_process: both input and input_from");
  pipeline_run run{.options = std::move(options), .stages = {}};
  co_await finally(start_and_converse(run, commands), [&run] { return wind_up(run); });
  std::vector<process_result> results;
  results.reserve(run.stages.size());
  for (stage& s : run.stages) results.push_back(std::move(s.result));
  co_return results;
}

std::string_view last_line(std::string_view text) noexcept {
  constexpr std::size_t longest = 500;
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  if (const std::size_t at = text.rfind('\n'); at != std::string_view::npos)
    text.remove_prefix(at + 1);
  return text.substr(0, longest);
}

}  // namespace

const process_result& process_result::raise_for_status() const {
  if (status.success()) return *this;
  std::string what = '"' + program + "\": " + status.to_string();
  if (const std::string_view line = last_line(error); !line.empty())
    what += ": " + std::string(line);
  throw process_failed(what, status);
}

task<std::vector<process_result>> run_pipeline(std::vector<std::vector<std::string>> commands,
                                               process_options options) {
  if (!options.timeout_) co_return co_await run_all(std::move(commands), std::move(options));
  std::string name = commands.empty() || commands.front().empty() ? "" : commands.front().front();
  const auto limit = *options.timeout_;
  auto results = co_await try_for(limit, run_all(std::move(commands), std::move(options)));
  if (!results) throw timed_out('"' + name + "\" did not end in its time");
  co_return std::move(*results);
}

task<process_result> run_process(std::vector<std::string> command, process_options options) {
  std::vector<std::vector<std::string>> commands;
  commands.push_back(std::move(command));
  std::vector<process_result> all = co_await run_pipeline(std::move(commands), std::move(options));
  co_return std::move(all.front());
}

}  // namespace rondo::net
