"""Which words tell a heading from text, and a name from two words run together? Tables, for English."""

# Words that titles write small.
SMALL = frozenset(
    "a after against an and as at be before between but by de during for from if in into is la le nor of off on "
    "onto or over per so than that the to under up upon via vs with within without yet".split()
)

# Words with which sentences begin.
OPENERS = frozenset(
    "a about above according across after again all almost although always among an and another any anyone are "
    "around as ask at avoid be because before begin behind being below besides between both but by can certain "
    "choose common consider couples create days despite do does don each early either even every everybody everyone "
    "everything few finally find first five for four from getting give good had has have having he hence here his "
    "how however i if imagine in indeed instead is it its just keep know last learning let like long look make many "
    "maybe men modern more most much my nearly neither never next no nobody none nor not nothing now of often on "
    "once one only or other our over people perhaps please plenty put rather remember research researchers "
    "scientists seven several she should similarly simply since six so some somebody someone something sometimes "
    "soon start starting still studies such suppose take ten that the their then there these they thing things "
    "think this those though three through thus to today together too try trying two ultimately under understanding "
    "unless unlike until up use using usually was we well were what whatever when whenever where whether which "
    "while whilst who whoever whose why will with within without women would yes yet you your".split()
)

# Headings of a single word that articles share.
SECTIONS = frozenset(
    "abstract acknowledgements afterword appendix background basics benefits causes challenges conclusion "
    "conclusions definition discussion epilogue examples faq faqs findings foreword history introduction method "
    "methods outlook overview preface prologue references results risks signs solutions sources summary symptoms "
    "takeaway takeaways tips treatment verdict".split()
)

# Names with a capital inside; this list is only for those that a text uses once.
NAMES = frozenset(
    "AirBnB AirDrop AirPods AliExpress AngularJS AppleTV AstraZeneca BitTorrent BlackBerry BuzzFeed ChatGPT ClickUp "
    "CrossFit DeepMind DevOps DisneyPlus DocuSign DoorDash DreamWorks DropBox DuckDuckGo eBay FaceTime FedEx FitBit "
    "FreeBSD GameStop GitHub GitLab GoDaddy GoFundMe GoPro GraphQL HarperCollins HubSpot HuffPost iCloud iMac "
    "iMessage IndieGoGo iOS iPad iPhone iPod iTunes JavaScript JetBlue JPMorgan LaTeX LinkedIn LiveJournal MacBook "
    "macOS MailChimp MasterCard MySpace MySQL NetBSD NextDoor NordVPN NumPy OneDrive OneNote OpenAI OpenBSD OpenSSL "
    "OpenType PageRank PayPal PhD PlayStation PostgreSQL PostScript PowerPoint PowerShell PyTorch QuickBooks "
    "QuickTime ReactJS RedHat RuneScape SaaS SciPy ShareChat SharePoint SketchUp SlideShare SnapChat SoundCloud "
    "SpaceX SparkNotes SpongeBob SquareSpace StackOverflow StarCraft StudioCanal SubStack SurveyMonkey TechCrunch "
    "TED TEDx TensorFlow ThinkPad TikTok TripAdvisor TypeScript UnitedHealth VirtualBox VMware WarnerMedia "
    "WatchGuard WebMD WeChat WeWork WhatsApp WiFi WikiLeaks WordPerfect WordPress WordStar YouGov YouTube YouTubers "
    "ZipRecruiter".split()
)

# What names begin with whose second capital is no seam.
PREFIXES = frozenset("D Da De Del Der Di Du Fitz L La Le Les Mac Mc O San St Van Von".split())

# A point behind these ends no sentence.
ABBREVIATIONS = frozenset(
    "a.m al approx apr aug capt cf co col corp dec dept dr e.g ed eds est etc feb fig gen gov hon i.e inc jan jr "
    "jul jun ltd mar mr mrs ms no nov oct p.m ph.d prof rep rev sen sep sept sgt sr st u.k u.n u.s vol vs".split()
)
