// Runs the recipes: all, or those named. Each one's output follows a line with its name.
#include "stage.hpp"

namespace cookbook {
namespace {

detail::time_point begun;

task<> one(const recipe& r) {
  begun = this_loop().now();
  try {
    co_await r.make();
  } catch (const skipped& why) {
    std::printf("(skipped: %s)\n", why.what());
  }
}

bool wanted(const recipe& r, int argc, char** argv) {
  for (int n = 1; n < argc; ++n)
    if (std::string_view(argv[n]) == r.name) return true;
  return argc == 1;
}

}  // namespace

double elapsed() {
  const std::chrono::duration<double> d = this_loop().now() - begun;
  return d.count();
}

}  // namespace cookbook

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  for (const cookbook::recipe* r : cookbook::all()) {
    if (!cookbook::wanted(*r, argc, argv)) continue;
    std::printf("# %s\n", r->name);
    if (r->plain) {
      r->plain();
      continue;
    }
    run_options options;
    if (r->where == cookbook::place::simulation)
      options.simulation(simulation_options().host("shop.test", "10.0.0.1"));
    if (const int status = run_main(options, cookbook::one, std::cref(*r)); status != 0)
      return status;
  }
}
