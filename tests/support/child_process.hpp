// Other programs, as peers of a test: found, started, listened to, and ended by their process id.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <string>
#include <vector>

namespace rondo_test {

// Where the program is, or empty.
std::string find_program(const std::string& name);

// A child process whose output can be read; told to end, if it still runs, and awaited when this
// goes.
class child_process {
 public:
  // `input`: written to its standard input before it starts, at most 64 KiB.
  explicit child_process(std::vector<std::string> command, const std::string& input = {});
  child_process(const child_process&) = delete;
  child_process& operator=(const child_process&) = delete;
  ~child_process();

  // Its output, up to a line's end or to the end of all.
  std::string read(bool one_line) const;
  // Its exit status.
  int wait();
  bool ended();

 private:
  pid_t pid_ = -1;
  int out_ = -1;
};

struct finished {
  int status = -1;
  std::string output;
};
finished run_command(std::vector<std::string> command);

class temporary_folder {
 public:
  temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder();
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }
  // Makes the folders above the file too. The file's path.
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::string path_;
};

}  // namespace rondo_test
