// Work on several threads.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

namespace qaconv {

// Runs work(index) for 0 <= index < count on some threads, each index once; make_work() makes a thread's own.
template <class MakeWork>
void in_parallel(int64_t count, int threads, MakeWork make_work) {
    std::atomic<int64_t> next{0};
    std::atomic<bool> failed{false};
    const auto run = [&] {
        try {
            auto work = make_work();
            for (int64_t index = next++; index < count && !failed; index = next++) work(index);
        } catch (const std::bad_alloc&) {
            failed = true;
        }
    };
    std::vector<std::thread> others;
    try {
        while (static_cast<int64_t>(others.size()) + 1 < std::min<int64_t>(threads, count)) others.emplace_back(run);
    } catch (const std::system_error&) {
        // No more threads to be had: those there are do the work.
    }
    run();
    for (std::thread& other : others) other.join();
    if (failed) throw std::bad_alloc();
}

}  // namespace qaconv
