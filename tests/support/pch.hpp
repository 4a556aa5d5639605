// What every test includes, compiled once. A test still includes what it uses.

#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>
