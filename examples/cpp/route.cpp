// Finds the shortest way through a harbour, from S to G around the shallows (#). Built by `npm run guests` into route.wasm.
#include <cstdio>
#include <queue>
#include <string>
#include <vector>

struct Place {
    int row, column, steps;
};

int main(int argc, char **argv) {
    std::FILE *file = argc > 1 ? std::fopen(argv[1], "r") : nullptr;
    if (!file) {
        std::fprintf(stderr, "usage: route CHART\n");
        return 2;
    }
    std::vector<std::string> chart;
    char line[256];
    while (std::fgets(line, sizeof line, file)) chart.emplace_back(line);
    std::fclose(file);

    std::queue<Place> places;
    for (int row = 0; row < static_cast<int>(chart.size()); row++) {
        auto column = chart[row].find('S');
        if (column != std::string::npos) places.push({row, static_cast<int>(column), 0});
    }
    while (!places.empty()) {
        auto [row, column, steps] = places.front();
        places.pop();
        if (row < 0 || row >= static_cast<int>(chart.size())) continue;
        if (column < 0 || column >= static_cast<int>(chart[row].size())) continue;
        char &here = chart[row][column];
        if (here == 'G') {
            std::printf("%d steps to the quay\n", steps);
            return 0;
        }
        if (here == '#' || here == '\n') continue;
        here = '#';
        for (auto [down, right] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}})
            places.push({row + down, column + right, steps + 1});
    }
    std::printf("no way to the quay\n");
    return 1;
}
