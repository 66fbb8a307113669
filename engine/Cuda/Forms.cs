namespace MiniTorch.Cuda;

/// <summary>Queues the work for operands and is true, or queues nothing and is false where it does not take them. Results are overwritten, operands are not.</summary>
delegate bool FormLaunch<TArgs>(CudaDevice device, in TArgs args) where TArgs : unmanaged;

/// <summary>One of several ways to do the same work, by the name that files and messages have for it.</summary>
readonly record struct Form<TArgs>(string Name, FormLaunch<TArgs> Launch) where TArgs : unmanaged;

/// <summary>
/// The ways to do some work on a GPU. The first that takes the operands is what the fixed table says, and the last takes all of them or those of its kind. Unless <see cref="CudaDevice.Deterministic"/> asks for that, the
/// fastest on a device is found once for each key by running all of them on the operands, each several times between two events, and kept by <see cref="FormChoices"/>. Nothing is measured while a stream is captured, nor on
/// a device without a clock, which an emulated GPU is: there the table decides.
/// </summary>
/// <typeparam name="TKey">All of the operands that the times depend on; its text is what files call them.</typeparam>
/// <typeparam name="TArgs">The operands.</typeparam>
sealed class Forms<TKey, TArgs>(string name, params Form<TArgs>[] forms) where TKey : struct, IEquatable<TKey> where TArgs : unmanaged
{
    const int Repetitions = 5;
    const double Hopeless = 2;          // times the best so far: then one measurement is enough

    /// <summary>Queues the work by the form that is chosen for the key.</summary>
    internal void Launch(CudaDevice device, TKey key, in TArgs args)
    {
        FormChoices choices = device.Forms;
        if (choices.FollowTable)
        {
            _ = ByTable(device, args);
            return;
        }
        Dictionary<TKey, int> known = choices.Known<TKey>(this);
        if (!known.TryGetValue(key, out int form)) known[key] = Choose(device, choices, $"{name} {key}", args);
        else if (!forms[form].Launch(device, args)) throw new InvalidOperationException($"{name} {key}: {forms[form].Name} took such operands before, and does not now on {device}");
    }

    /// <summary>Queues the work by a form that it chooses.</summary>
    int Choose(CudaDevice device, FormChoices choices, string key, in TArgs args)
    {
        if (choices.OfRun(key) is { } given)
        {
            int form = Find(given.Form);
            if (form < 0 || !forms[form].Launch(device, args))
                throw new InvalidDataException($"{key}: the run computes it by {given.Form}, which {device} does not offer (it has {string.Join(", ", Array.ConvertAll(forms, static f => f.Name))}; "
                    + "libraries must be those of the run); go on where it ran, or delete kernels.json of the run to have the forms chosen anew, with other rounding");
            return form;
        }
        if (!device.IsCapturing && choices.OfCache(key) is { } cached && Find(cached.Form) is >= 0 and int fastest && forms[fastest].Launch(device, args))
        {
            choices.Keep(key, cached);
            return fastest;
        }
        return device.IsCapturing || choices.Clock is null ? ByTable(device, args) : Measure(device, choices, key, args);
    }

    int Measure(CudaDevice device, FormChoices choices, string key, in TArgs args)
    {
        TArgs operands = args;
        List<int> taking = [];
        for (int i = 0; i < forms.Length; i++)
            if (Takes(device, forms[i], operands)) taking.Add(i);
        Dictionary<string, double> microseconds = [];
        int fastest = taking[0];
        double least = double.PositiveInfinity;
        foreach (int i in taking.Count > 1 ? taking : [])
        {
            double seconds = double.PositiveInfinity;
            for (int r = 0; r < Repetitions && (r == 0 || seconds < Hopeless * least); r++) seconds = Math.Min(seconds, choices.Clock!(forms[i].Name, () => forms[i].Launch(device, operands)));
            microseconds[forms[i].Name] = Math.Round(1e6 * seconds, 2);
            if (seconds < least) (fastest, least) = (i, seconds);
        }
        choices.Learn(key, new(forms[fastest].Name, microseconds));
        _ = forms[fastest].Launch(device, operands);        // so that results are those of every later launch
        return fastest;
    }

    /// <summary>Launches it, which also loads and plans what it needs; a form whose scratch finds no room does not take the operands.</summary>
    static bool Takes(CudaDevice device, Form<TArgs> form, in TArgs args)
    {
        try
        {
            return form.Launch(device, args);
        }
        catch (CudaException e) when (e.IsOutOfMemory)
        {
            return false;
        }
    }

    int ByTable(CudaDevice device, in TArgs args)
    {
        for (int i = 0; i < forms.Length; i++)
            if (forms[i].Launch(device, args)) return i;
        throw new InvalidOperationException($"{name} has no form that takes its operands");
    }

    int Find(string form) => Array.FindIndex(forms, f => f.Name == form);
}
