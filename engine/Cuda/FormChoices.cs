using System.Globalization;

namespace MiniTorch.Cuda;

/// <summary>
/// The forms that a device has chosen. A form is looked up in what a run brought along, then in the cache, a file for each GPU in the user's cache folder, and only then measured. The cache
/// holds for one GPU, driver, version of this program, and with or without cuDNN; any other is measured anew and replaced. A cache that cannot be written is done without.
/// </summary>
sealed class FormChoices(CudaDevice device)
{
    const string Folder = "minitorch-dcls", Variable = "XDG_CACHE_HOME";

    readonly Dictionary<object, object> known = [];         // numbers of forms by key, for each set of forms
    readonly SortedDictionary<string, ChosenForm> used = new(StringComparer.Ordinal);
    IReadOnlyDictionary<string, ChosenForm>? run;
    SortedDictionary<string, ChosenForm>? cache;
    string? problem;

    /// <summary>The fixed tables decide, whatever was measured.</summary>
    internal bool Deterministic { get; set; }

    /// <summary>Seconds that a form, given its name and its work, takes on the device; null where there is no clock.</summary>
    internal Func<string, Action, double>? Clock { get; set; } = device.Emulator is null ? (_, work) => Time(device, work) : null;

    /// <summary>The file of the cache; null for none.</summary>
    internal string? CachePath { get; set; } = device.Emulator is null ? PathFor(device.Name) : null;

    /// <summary>Called after each form that came into use beside those of the run.</summary>
    internal Action? Chosen { get; set; }

    /// <summary>What the user should know about the cache; null if it is as it should be.</summary>
    internal string? Note
    {
        get
        {
            if (!Deterministic) Read();
            return problem;
        }
    }

    internal bool FollowTable => Deterministic || Clock is null && run is null;

    /// <summary>All forms in use, for a run to keep, with those that it brought along.</summary>
    internal FormFile InUse
    {
        get
        {
            SortedDictionary<string, ChosenForm> all = new(used, StringComparer.Ordinal);
            foreach ((string key, ChosenForm form) in run ?? new Dictionary<string, ChosenForm>()) all[key] = form;
            return Describe(all);
        }
    }

    /// <summary>From now on these forms of a run come first; what was chosen before is forgotten.</summary>
    internal void Take(FormFile? ofRun)
    {
        known.Clear();
        used.Clear();
        run = ofRun?.Forms;
    }

    /// <summary>The numbers of the forms that were chosen among some.</summary>
    internal Dictionary<TKey, int> Known<TKey>(object forms) where TKey : notnull
    {
        if (known.TryGetValue(forms, out object? found)) return (Dictionary<TKey, int>)found;
        Dictionary<TKey, int> none = [];
        known[forms] = none;
        return none;
    }

    internal ChosenForm? OfRun(string key) => run?.GetValueOrDefault(key);

    internal ChosenForm? OfCache(string key) => Read().GetValueOrDefault(key);

    /// <summary>A form is in use.</summary>
    internal void Keep(string key, ChosenForm form)
    {
        used[key] = form;
        Chosen?.Invoke();
    }

    /// <summary>A form was measured: it is in use, and in the cache together with what others have put there meanwhile.</summary>
    internal void Learn(string key, ChosenForm form)
    {
        SortedDictionary<string, ChosenForm> mine = Read();
        mine[key] = form;
        cache = null;
        foreach ((string k, ChosenForm f) in mine) Read()[k] = f;
        if (CachePath is not null)
        {
            try
            {
                Directory.CreateDirectory(Path.GetDirectoryName(CachePath)!);
                Describe(cache!).Write(CachePath);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // the next process measures again
            }
        }
        Keep(key, form);
    }

    SortedDictionary<string, ChosenForm> Read()
    {
        if (cache is not null) return cache;
        cache = new(StringComparer.Ordinal);
        if (CachePath is null || !File.Exists(CachePath)) return cache;
        try
        {
            FormFile file = FormFile.Read(CachePath), mine = Describe(cache);
            if (file with { Forms = mine.Forms } == mine) foreach ((string key, ChosenForm form) in file.Forms) cache[key] = form;
            else problem = $"{CachePath} is of {file.About}, this is {mine.About}: the fastest forms of kernels are measured anew";
        }
        catch (InvalidDataException e)
        {
            problem = $"{e.Message}: the fastest forms of kernels are measured anew";
        }
        return cache;
    }

    FormFile Describe(SortedDictionary<string, ChosenForm> forms) => new()
    {
        Gpu = device.Name, Driver = device.Properties.Driver.ToString(), Cudnn = device.Dnn is not null, Program = typeof(FormChoices).Assembly.GetName().Version!.ToString(), Forms = forms,
    };

    static double Time(CudaDevice device, Action work)
    {
        long from = device.Mark();
        work();
        return device.Seconds(from, device.Mark());
    }

    /// <summary>Null where the user has neither a cache folder nor a home.</summary>
    static string? PathFor(string gpu)
    {
        string? asked = Environment.GetEnvironmentVariable(Variable), home = Environment.GetEnvironmentVariable("HOME");
        string? parent = Path.IsPathFullyQualified(asked ?? "") ? asked : string.IsNullOrEmpty(home) ? null : Path.Combine(home, ".cache");
        return parent is null ? null : Path.Combine(parent, Folder, string.Create(CultureInfo.InvariantCulture, $"{string.Concat(gpu.Select(static c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-'))}.json"));
    }
}
