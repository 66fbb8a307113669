using System.CommandLine;
using MiniTorch.Models;

namespace MiniTorch.Cli;

/// <summary>dcls data: makes datasets on this machine.</summary>
static class DataCommand
{
    static readonly Option<int?> train = Options.Number<int>("--train", "Recordings to train with (default: 8000).", "N", 1);
    static readonly Option<int?> test = Options.Number<int>("--test", "Recordings by voices that are held out (default: 2300).", "N", 1);
    static readonly Option<int?> units = Options.Number<int>("--units", "Bands of the ear, each with a unit that fires (default: 140; 700 as in the published digits).", "N", 1);
    static readonly Option<ulong?> seed = Options.Number<ulong>("--seed", "Key of voices, accents, speeds and pitches (default: 0).", "N", 0);
    static readonly Option<string> to = new("--to") { Description = "Folder to write to.", DefaultValueFactory = static _ => "spoken-digits", HelpName = "DIR" };

    static readonly Option<string> from = new("--from") { Description = "Folder of the package's pictures.", DefaultValueFactory = static _ => Sprites.Installed, HelpName = "DIR" };
    static readonly Option<string> toPictures = new("--to") { Description = "Folder to make.", DefaultValueFactory = static _ => "sprites", HelpName = "DIR" };
    static readonly Option<int?> most = Options.Number<int>("--most", "Most sprites of a unit, which are much alike (default: 24).", "N", 1);
    static readonly Option<ulong?> groundSeed = Options.Number<ulong>("--seed", "Key of the grounds under the sprites (default: 0).", "N", 0);

    /// <summary>A file that was written.</summary>
    sealed record Written(string File, string What, int Recordings, int Speakers, double SpikesPerRecording, double Megabytes);

    internal static Command Make()
    {
        Command speech = Examples.On(new("speech", "Makes spoken digits, English and German, as spikes in the layout of the Heidelberg digits: said by espeak-ng and flite, and by people where Debian packages of recordings are installed."),
            "dcls data speech", "dcls data speech --to digits --train 2000 --test 500", "dcls data speech --units 700 --json");
        foreach (Option option in (ReadOnlySpan<Option>)[to, train, test, units, seed, Options.Json, Options.Debug]) speech.Add(option);
        speech.SetAction(static (parsed, stop) => Task.Run(() => Speech(parsed, stop), CancellationToken.None));
        Command pictures = Examples.On(new("pictures", "Makes a set of small colour pictures, a folder for each class, of sprites from Debian's package wesnoth-1.16-data: which race a unit belongs to, with units held out."),
            "dcls data pictures", "dcls data pictures --to sprites --most 40 --json");
        foreach (Option option in (ReadOnlySpan<Option>)[toPictures, from, most, groundSeed, Options.Json, Options.Debug]) pictures.Add(option);
        pictures.SetAction(static (parsed, stop) => Task.Run(() => MakePictures(parsed, stop), CancellationToken.None));
        Command command = Examples.On(new("data", "Makes datasets on this machine."), "dcls data speech --to digits", "dcls data pictures --to sprites");
        command.Add(speech);
        command.Add(pictures);
        return command;
    }

    static int MakePictures(ParseResult parsed, CancellationToken stop)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        Sprites sprites = Sprites.Of(parsed.GetValue(from)!);
        string folder = parsed.GetValue(toPictures)!;
        IReadOnlyList<Sprites.Written> written = sprites.Write(folder, parsed.GetValue(most) ?? 24, parsed.GetValue(groundSeed) ?? 0, stop: stop);
        terminal.Say($"{"race",-20} {"units",7} {"held out",9} {"pictures",9} {"held out",9}");
        foreach (Sprites.Written race in written)
        {
            terminal.Emit(race);
            terminal.Say($"{race.Race,-20} {race.TrainUnits,7} {race.TestUnits,9} {race.Train,9:n0} {race.Test,9:n0}");
        }
        terminal.Say($"{written.Sum(static w => w.Train):n0} pictures to train with and {written.Sum(static w => w.Test):n0} of other units, {written.Count} classes, in {folder}; manifest.json says where they are from");
        return ExitCode.Done;
    }

    static int Speech(ParseResult parsed, CancellationToken stop)
    {
        Terminal terminal = new(parsed.GetValue(Options.Json));
        string folder = parsed.GetValue(to)!;
        Directory.CreateDirectory(folder);
        SpokenDigits digits;
        try
        {
            digits = new(parsed.GetValue(units) ?? 140, parsed.GetValue(seed) ?? 0);
            int learned = parsed.GetValue(train) ?? 8000, held = parsed.GetValue(test) ?? 2300;
            terminal.Say($"{digits.Voices.Count} voices of espeak-ng, every fourth held out");
            Write("train.h5", "voices to train with", digits.Voices, terminal.Watch("train.h5", learned, progress => digits.Synthesized(learned, heldOut: false, progress, stop)));
            Write("test.h5", "voices held out", digits.Voices, terminal.Watch("test.h5", held, progress => digits.Synthesized(held, heldOut: true, progress, stop)));
            Write("other.h5", "another synthesizer, English; package flite", null, terminal.Watch("other.h5", 400, progress => digits.OtherSynthesized(10, progress, stop)));
            Write("people.h5", "people; packages tuxpaint-stamps-default and asterisk-core-sounds-en-wav", null, digits.People());
        }
        catch (InvalidOperationException e)
        {
            throw new WrongInputException(e.Message, e);
        }
        return ExitCode.Done;

        void Write(string name, string what, IReadOnlyList<string>? speakers, SpikeSample[] samples)
        {
            if (samples.Length == 0)
            {
                terminal.Say($"{name,-10} not written: nothing of it is installed ({what})");
                return;
            }
            string path = Path.Combine(folder, name);
            SpikeWriter.Write(path, samples, SpokenDigits.Words, digits.Units, speakers);
            Written written = new(path, what, samples.Length, samples.Select(static s => s.Speaker).Distinct().Count(), Math.Round(samples.Average(static s => s.Spikes.Count), 1), Math.Round(new FileInfo(path).Length / 1e6, 2));
            terminal.Emit(written);
            terminal.Say(FormattableString.Invariant($"{name,-10} {written.Recordings,6:n0} recordings of {written.Speakers,3} speakers, {written.SpikesPerRecording,6:0} spikes each, {written.Megabytes:0.0} MB: {what}"));
        }
    }
}
