#include "support/child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace rondo_test {
namespace {

std::array<int, 2> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::system_category(), "pipe2");
  return ends;
}

}  // namespace

std::string find_program(const std::string& name) {
  const char* path = std::getenv("PATH");
  std::string folders = std::string(path ? path : "") + ":/usr/sbin:/sbin";
  for (std::size_t at = 0; at < folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const std::string full = folders.substr(at, end - at) + '/' + name;
    if (end > at && ::access(full.c_str(), X_OK) == 0) return full;
    at = end + 1;
  }
  return {};
}

child_process::child_process(std::vector<std::string> command, const std::string& input) {
  const std::array<int, 2> in = make_pipe();
  const std::array<int, 2> out = make_pipe();
  const ssize_t written = ::write(in[1], input.data(), input.size());
  ::close(in[1]);
  if (written != static_cast<ssize_t>(input.size()))
    throw std::system_error(errno, std::system_category(), "write");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], 0);
  posix_spawn_file_actions_adddup2(&actions, out[1], 1);
  posix_spawn_file_actions_adddup2(&actions, out[1], 2);
  std::vector<char*> argv;
  for (std::string& a : command) argv.push_back(a.data());
  argv.push_back(nullptr);
  const int error =
      ::posix_spawn(&pid_, command[0].c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(in[0]);
  ::close(out[1]);
  out_ = out[0];
  if (error != 0) {
    ::close(out_);
    throw std::system_error(error, std::system_category(), command[0]);
  }
}

child_process::~child_process() {
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    wait();
  }
  ::close(out_);
}

std::string child_process::read(bool one_line) const {
  std::string text;
  for (char c = 0; ::read(out_, &c, 1) == 1;) {
    text += c;
    if (one_line && c == '\n') break;
  }
  return text;
}

int child_process::wait() {
  int status = -1;
  ::waitpid(std::exchange(pid_, -1), &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

bool child_process::ended() {
  int status = 0;
  if (pid_ <= 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return pid_ <= 0;
  pid_ = -1;
  return true;
}

finished run_command(std::vector<std::string> command) {
  child_process child(std::move(command));
  finished f;
  f.output = child.read(false);
  f.status = child.wait();
  return f;
}

temporary_folder::temporary_folder() : path_(testing::TempDir() + "rondo-test-XXXXXX") {
  if (!::mkdtemp(path_.data())) throw std::system_error(errno, std::system_category(), path_);
}
temporary_folder::~temporary_folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}
std::string temporary_folder::write(const std::string& name, const std::string& content) const {
  std::string to = *this / name;
  std::filesystem::create_directories(std::filesystem::path(to).parent_path());
  std::ofstream out(to, std::ios::binary);
  out << content;
  EXPECT_TRUE(out.good()) << to;
  return to;
}

}  // namespace rondo_test
