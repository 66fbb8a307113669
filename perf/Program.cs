using BenchmarkDotNet.Running;
using MiniTorch.Perf;

return args switch
{
    ["roofline", .. string[] rest] => Roofline.Run(rest),
    ["memory", .. string[] rest] => ConstructionMemory.Run(rest),
    ["versus", .. string[] rest] => Versus.Run(rest),
    ["serve", .. string[] rest] => Versus.Serve(rest),
    ["estimates", .. string[] rest] => Estimates.Run(rest),
    ["floors", .. string[] rest] => Floors.Run(rest),
    ["pictures", .. string[] rest] => PictureFeed.Run(rest),
    ["benchmarks", .. string[] rest] => Benchmarks(rest),
    [] => Wrong("a word is missing"),
    [string word, ..] => Wrong($"unknown word '{word}'"),
};

static int Benchmarks(string[] rest)
{
    BenchmarkSwitcher.FromAssembly(typeof(GemmBenchmark).Assembly).Run(rest);
    return 0;
}

static int Wrong(string what)
{
    Console.Error.WriteLine($"perf: {what}; use roofline [--json], memory [--json], versus [NAMES] [--json] [--save], estimates [--save], floors [MODEL [BATCH]] [--float32] [--save], pictures [DIR] [--json] or benchmarks [BenchmarkDotNet options]");
    return 2;
}
