package selfcall

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"golang.org/x/sync/errgroup"
)

// ringFor is how long the called phone rings.
const ringFor = 300 * time.Millisecond

// phone is one test phone: registers, calls, answers.
type phone struct {
	config  Config
	account Account
	local   netip.AddrPort
	ua      *sipgo.UserAgent
	client  *sipgo.Client
	dialogs *sipgo.DialogUA
	audio   *audio
	ended   chan struct{} // closed when a call that was answered here has ended
}

func newPhone(ctx context.Context, group *errgroup.Group, c Config, a Account, hz float64) (*phone, error) {
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	p := &phone{config: c, account: a, ended: make(chan struct{})}
	var err error
	if p.audio, err = newAudio(ctx, group, localAddr(c.Server), hz); err != nil {
		return nil, err
	}
	// The self-call asks whether calls pass, not who answers on this machine.
	trusting := &tls.Config{InsecureSkipVerify: true}
	if p.ua, err = sipgo.NewUA(sipgo.WithUserAgenTLSConfig(trusting), sipgo.WithUserAgentTransactionLayerOptions(sip.WithTransactionLayerLogger(quiet)), sipgo.WithUserAgent("Koppelfeld self-call"), sipgo.WithUserAgentHostname(a.Domain)); err != nil {
		return nil, err
	}
	server, err := sipgo.NewServer(p.ua, sipgo.WithServerLogger(quiet))
	if err != nil {
		return nil, err
	}
	p.handle(ctx, server)
	if err := p.listen(ctx, group, server); err != nil {
		return nil, err
	}
	options := []sipgo.ClientOption{
		sipgo.WithClientLogger(quiet), sipgo.WithClientHostname(p.local.Addr().String()), sipgo.WithClientPort(int(p.local.Port())),
	}
	if c.Transport == "udp" { // requests leave from the socket that listens
		options = append(options, sipgo.WithClientConnectionAddr(p.local.String()))
	}
	p.client, err = sipgo.NewClient(p.ua, options...)
	if err != nil {
		return nil, err
	}
	contact := sip.ContactHeader{Address: sip.Uri{Scheme: "sip", User: a.Username, Host: p.local.Addr().String(), Port: int(p.local.Port())}}
	if c.Transport != "udp" {
		contact.Address.UriParams = sip.NewParams()
		contact.Address.UriParams.Add("transport", c.Transport)
	}
	p.dialogs = &sipgo.DialogUA{Client: p.client, ContactHDR: contact}
	return p, nil
}

// localAddr is the address that can reach the server: its own, as the self-call runs on the same machine.
func localAddr(server netip.AddrPort) netip.Addr { return server.Addr() }

func (p *phone) listen(ctx context.Context, group *errgroup.Group, server *sipgo.Server) error {
	if p.config.Transport == "tls" || p.config.Transport == "ws" { // reached on the connection that it opens
		p.local = netip.AddrPortFrom(localAddr(p.config.Server), 5060)
		return nil
	}
	addr := net.JoinHostPort(localAddr(p.config.Server).String(), "0")
	if p.config.Transport == "tcp" {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		p.local = l.Addr().(*net.TCPAddr).AddrPort()
		group.Go(func() error { _ = server.ServeTCP(l); return nil })
		group.Go(func() error { <-ctx.Done(); return l.Close() })
		return nil
	}
	l, err := net.ListenPacket("udp", addr)
	if err != nil {
		return err
	}
	p.local = l.LocalAddr().(*net.UDPAddr).AddrPort()
	group.Go(func() error { _ = server.ServeUDP(l); return nil })
	group.Go(func() error { <-ctx.Done(); return l.Close() })
	return p.awaitListener(ctx)
}

// awaitListener waits until the UDP listener is known as a connection: a request sent
// before would try to bind its port once more.
func (p *phone) awaitListener(ctx context.Context) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := p.ua.TransportLayer().GetConnection("udp", p.local.String()); err == nil && c != nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (p *phone) close() {
	_ = p.ua.Close()
}

// handle answers what the daemon asks of the phone.
func (p *phone) handle(ctx context.Context, server *sipgo.Server) {
	var session *sipgo.DialogServerSession
	server.OnOptions(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
	})
	server.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		d, err := p.dialogs.ReadInvite(req, tx)
		if err != nil {
			return
		}
		session = d
		// These phones cannot encrypt audio; asked over TLS they say so, and are asked again.
		if err := p.audio.remote(req.Body()); err != nil || bytes.Contains(req.Body(), []byte("RTP/SAVP")) {
			_ = d.Respond(488, "Not Acceptable Here", nil)
			return
		}
		if d.Respond(180, "Ringing", nil) != nil {
			return
		}
		// The calling phone takes each message on a goroutine of its own: an answer right
		// behind the ringing may overtake it.
		select {
		case <-time.After(ringFor):
		case <-ctx.Done():
			return
		}
		if d.RespondSDP(p.audio.sdp()) != nil {
			return
		}
		p.audio.start()
	})
	server.OnAck(func(req *sip.Request, tx sip.ServerTransaction) {
		if session != nil {
			_ = session.ReadAck(req, tx)
		}
	})
	server.OnBye(func(req *sip.Request, tx sip.ServerTransaction) {
		_ = tx.Respond(sip.NewResponseFromRequest(req, 200, "OK", nil))
		select {
		case <-p.ended:
		default:
			close(p.ended)
		}
	})
}

func (p *phone) uri(user string) sip.Uri {
	return sip.Uri{Scheme: "sip", User: user, Host: p.account.Domain}
}

// registerSoon registers for a minute, and tries again while the account is unknown.
func (p *phone) registerSoon(ctx context.Context, patience time.Duration) error {
	return soon(ctx, patience, func() error { return p.register(ctx, 60) })
}

// inviteSoon is invite for a system that may be busy at the moment.
func (p *phone) inviteSoon(ctx context.Context, number string, patience time.Duration) (d *sipgo.DialogClientSession, rang bool, err error) {
	err = soon(ctx, patience, func() error {
		var err error
		d, rang, err = p.invite(ctx, number)
		var answer *sipgo.ErrDialogResponse
		if errors.As(err, &answer) && answer.Res.StatusCode == 503 {
			err = errBusy
		}
		return err
	})
	return d, rang, err
}

// soon tries until it is not refused any more, or patience ends.
func soon(ctx context.Context, patience time.Duration, try func() error) error {
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(600 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if !errors.Is(err, errRefused) && !errors.Is(err, errBusy) || time.Now().After(deadline) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// errBusy says that the daemon takes no new work at the moment. Under an attack that is so for strangers, which a phone is until
// it has shown its password; phones try again, and so does the self-call.
var errBusy = errors.New("the system is busy: 503")

// errRefused says that the daemon does not accept the account.
var errRefused = errors.New("the account is refused")

// register registers for the given seconds; 0 unregisters.
func (p *phone) register(ctx context.Context, seconds int) error {
	req := sip.NewRequest(sip.REGISTER, p.uri(""))
	req.SetDestination(p.config.Server.String())
	req.SetTransport(strings.ToUpper(p.config.Transport))
	req.AppendHeader(sip.NewHeader("Contact", fmt.Sprintf("<%s>;expires=%d", p.dialogs.ContactHDR.Address.String(), seconds)))
	req.AppendHeader(&sip.ToHeader{Address: p.uri(p.account.Username)})
	from := &sip.FromHeader{Address: p.uri(p.account.Username), Params: sip.NewParams()}
	from.Params.Add("tag", sip.GenerateTagN(12))
	req.AppendHeader(from)
	res, err := p.client.Do(ctx, req, sipgo.ClientRequestRegisterBuild)
	if err != nil {
		return err
	}
	if res.StatusCode == 401 {
		res, err = p.client.DoDigestAuth(ctx, req, res, sipgo.DigestAuth{Username: p.account.Username, Password: p.account.Password})
		if err != nil {
			return err
		}
	}
	if res.StatusCode == 401 || res.StatusCode == 403 {
		return fmt.Errorf("%w: %d %s", errRefused, res.StatusCode, res.Reason)
	}
	if res.StatusCode == 503 {
		return errBusy
	}
	if res.StatusCode != 200 {
		return fmt.Errorf("answered %d %s", res.StatusCode, res.Reason)
	}
	return nil
}

// invite calls number and waits for the answer. rang tells whether a 180 or 183 came before.
func (p *phone) invite(ctx context.Context, number string) (d *sipgo.DialogClientSession, rang bool, err error) {
	req := sip.NewRequest(sip.INVITE, p.uri(number))
	req.SetDestination(p.config.Server.String())
	req.SetTransport(strings.ToUpper(p.config.Transport))
	from := &sip.FromHeader{Address: p.uri(p.account.Username), Params: sip.NewParams()}
	from.Params.Add("tag", sip.GenerateTagN(12))
	req.AppendHeader(from)
	req.AppendHeader(sip.NewHeader("Content-Type", "application/sdp"))
	req.SetBody(p.audio.sdp())
	d, err = p.dialogs.WriteInvite(ctx, req)
	if err != nil {
		return nil, false, err
	}
	err = d.WaitAnswer(ctx, sipgo.AnswerOptions{
		Username: p.account.Username, Password: p.account.Password,
		OnResponse: func(res *sip.Response) error {
			if res.StatusCode == 180 || res.StatusCode == 183 {
				rang = true
			}
			return nil
		},
	})
	if err != nil {
		return nil, rang, err
	}
	if err := p.audio.remote(d.InviteResponse.Body()); err != nil {
		return nil, rang, err
	}
	if err := d.Ack(ctx); err != nil {
		return nil, rang, err
	}
	p.audio.start()
	return d, rang, nil
}
