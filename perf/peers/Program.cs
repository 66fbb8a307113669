using System.Globalization;
using TorchSharp;

namespace Peers;

/// <summary>libtorch as a contender: takes its orders from standard input.</summary>
static class Program
{
    static int Main(string[] args)
    {
        if (args is not ["--threads", string text] || !int.TryParse(text, CultureInfo.InvariantCulture, out int threads) || threads < 1)
        {
            Console.Error.WriteLine("peers: takes --threads N and then orders on standard input; it is started by the comparison (perf -- versus)");
            return 2;
        }
        torch.set_num_threads(threads);
        return Feed.Serve(new TorchContender(), Console.In, Console.Out);
    }
}
